import { Button, Table, Title } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { rowsOf } from "@/api/pages";
import { Ago } from "@/components/ago";
import { CopyButton } from "@/components/copy-button";
import { Dialog } from "@/components/dialog";
import { Faces, LoadingFace } from "@/components/faces";
import { MoreButton } from "@/components/more-button";
import { bytes, count } from "@/lib/format";
import { artifactPagesQuery, checkpointPagesQuery, type Artifact, type Run } from "../../api";
import { kindOfFile } from "../../artifacts";
import { FilePreview } from "../file-preview";
import classes from "./run.module.css";

/** What the run left: models, preprocessors, reports, and the states from which it can go on. */
export function RunFiles({ run }: { run: Pick<Run, "id" | "name"> }) {
  const { t } = useTranslation(["runs", "common"]);
  const artifacts = useInfiniteQuery(artifactPagesQuery(run.id));
  const checkpoints = useInfiniteQuery(checkpointPagesQuery(run.id));
  const [shown, setShown] = useState<Artifact>();
  const fileOf = (file: Artifact): File => ({
    ...file,
    cells: [file.name, t(`files.kind.${file.kind}`)],
    url: `/api/v1/artifacts/${file.id}/download`,
    title: file.name,
    ...(kindOfFile(file.name) === "other" ? {} : { onShow: () => setShown(file) }),
  });
  return (
    <>
      <Title order={2} mb="sm">{t("files.artifacts")}</Title>
      <Faces query={artifacts} loading={<LoadingFace rows={3} />}>
        {(found) => {
          const files = rowsOf(found);
          return files.length ? <Files label={t("files.artifacts")} first={[t("column.name"), t("column.kind")]} files={files.map(fileOf)} /> : <p className="soft">{t("files.noArtifacts")}</p>;
        }}
      </Faces>
      <MoreButton query={artifacts} />
      <Title order={2} mt="xl" mb="sm">{t("files.checkpoints")}</Title>
      <Faces query={checkpoints} loading={<LoadingFace rows={3} />}>
        {(found) => {
          const files = rowsOf(found);
          return files.length ? (
            <Files label={t("files.checkpoints")} first={[t("files.step")]} files={files.map((file) => ({ ...file, cells: [count(file.step)], url: `/api/v1/checkpoints/${file.id}/download`, title: t("files.checkpointOf", { step: count(file.step) }) }))} />
          ) : (
            <p className="soft">{t("files.noCheckpoints")}</p>
          );
        }}
      </Faces>
      <MoreButton query={checkpoints} />
      {shown ? (
        <Dialog title={shown.name} size="xl" onClose={() => setShown(undefined)}>
          <FilePreview file={shown} name={shown.name} of={run.name} />
        </Dialog>
      ) : null}
    </>
  );
}

interface File {
  id: string;
  title: string;
  cells: readonly string[];
  size_bytes: number;
  sha256: string;
  created_at: string;
  url: string;
  /** Shows what is in it. */
  onShow?: () => void;
}

function Files({ label, first, files }: { label: string; first: readonly string[]; files: readonly File[] }) {
  const { t } = useTranslation(["runs", "common"]);
  return (
    <Table.ScrollContainer minWidth={520} className="surface">
      <Table aria-label={label}>
        <Table.Thead>
          <Table.Tr>
            {first.map((title) => (
              <Table.Th key={title} scope="col">
                {title}
              </Table.Th>
            ))}
            <Table.Th scope="col" className="num">
              {t("files.size")}
            </Table.Th>
            <Table.Th scope="col">{t("files.digest")}</Table.Th>
            <Table.Th scope="col">{t("column.created_at")}</Table.Th>
            <Table.Th scope="col">
              <span className="visually-hidden">{t("verb.download", { ns: "common" })}</span>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {files.map((file) => (
            <Table.Tr key={file.id}>
              {file.cells.map((cell, index) => (
                <Table.Td key={index}>
                  {index === 0 && file.onShow ? (
                    <Button variant="subtle" size="compact-sm" px={0} onClick={file.onShow} aria-label={t("files.show", { name: file.title })}>
                      {cell}
                    </Button>
                  ) : (
                    cell
                  )}
                </Table.Td>
              ))}
              <Table.Td className="num">{bytes(file.size_bytes)}</Table.Td>
              <Table.Td>
                <span className={classes.digest} title={`sha256:${file.sha256}`}>
                  <span className="mono">{file.sha256.slice(0, 12)}</span>
                  <CopyButton text={file.sha256} label={t("files.copyDigest")} />
                </span>
              </Table.Td>
              <Table.Td>
                <Ago at={file.created_at} />
              </Table.Td>
              <Table.Td className="num">
                <Button component="a" href={file.url} download variant="subtle" size="compact-xs" leftSection={<IconDownload size={14} aria-hidden />} aria-label={t("files.download", { name: file.title })}>
                  {t("verb.download", { ns: "common" })}
                </Button>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
