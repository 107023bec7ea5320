import { Button, Table, Title } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { CopyButton } from "@/components/copy-button";
import { Faces, LoadingFace } from "@/components/faces";
import { bytes, count } from "@/lib/format";
import { artifactsQuery, checkpointsQuery } from "../../api";
import classes from "./run.module.css";

/** What the run left: models, preprocessors, reports, and the states from which it can go on. */
export function RunFiles({ id }: { id: string }) {
  const { t } = useTranslation(["runs", "common"]);
  const artifacts = useQuery(artifactsQuery(id));
  const checkpoints = useQuery(checkpointsQuery(id));
  return (
    <>
      <Title order={2} mb="sm">{t("files.artifacts")}</Title>
      <Faces query={artifacts} loading={<LoadingFace rows={3} />}>
        {({ results, next }) =>
          results.length ? (
            <>
              <Files label={t("files.artifacts")} first={[t("column.name"), t("column.kind")]} files={results.map((file) => ({ ...file, cells: [file.name, t(`files.kind.${file.kind}`)], url: `/api/v1/artifacts/${file.id}/download`, title: file.name }))} />
              {next ? <p className="soft">{t("files.newest", { n: count(results.length) })}</p> : null}
            </>
          ) : (
            <p className="soft">{t("files.noArtifacts")}</p>
          )
        }
      </Faces>
      <Title order={2} mt="xl" mb="sm">{t("files.checkpoints")}</Title>
      <Faces query={checkpoints} loading={<LoadingFace rows={3} />}>
        {({ results, next }) =>
          results.length ? (
            <>
              <Files label={t("files.checkpoints")} first={[t("files.step")]} files={results.map((file) => ({ ...file, cells: [count(file.step)], url: `/api/v1/checkpoints/${file.id}/download`, title: t("files.checkpointOf", { step: count(file.step) }) }))} />
              {next ? <p className="soft">{t("files.newest", { n: count(results.length) })}</p> : null}
            </>
          ) : (
            <p className="soft">{t("files.noCheckpoints")}</p>
          )
        }
      </Faces>
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
                <Table.Td key={index}>{cell}</Table.Td>
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
