import { Button, Table } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useQueries } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { CopyButton } from "@/components/copy-button";
import { ErrorFace, LoadingFace } from "@/components/faces";
import { bytes } from "@/lib/format";
import { artifactQuery, type Version } from "../api";
import classes from "./models.module.css";

/** The model and its preprocessor, with what proves that they are unchanged. */
export function VersionFiles({ version }: { version: Version }) {
  const { t } = useTranslation("models");
  const parts = [{ role: "model" as const, id: version.artifact }, ...(version.preprocessor ? [{ role: "preprocessor" as const, id: version.preprocessor }] : [])];
  const found = useQueries({ queries: parts.map(({ id }) => artifactQuery(id)) });
  const failed = found.find(({ error }) => error);
  if (failed) return <ErrorFace error={failed.error} onRetry={() => found.forEach((each) => void each.refetch())} />;
  if (found.some(({ data }) => !data)) return <LoadingFace rows={3} />;
  return (
    <Table.ScrollContainer minWidth={560} className="surface">
      <Table aria-label={t("tab.files")}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">{t("files.role")}</Table.Th>
            <Table.Th scope="col">{t("files.file")}</Table.Th>
            <Table.Th scope="col" className="num">
              {t("files.size")}
            </Table.Th>
            <Table.Th scope="col">{t("files.digest")}</Table.Th>
            <Table.Th scope="col">{t("column.when")}</Table.Th>
            <Table.Th scope="col">
              <span className="visually-hidden">{t("verb.download", { ns: "common" })}</span>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {parts.map(({ role, id }, index) => {
            const file = found[index]?.data;
            return file ? (
              <Table.Tr key={id}>
                <Table.Th scope="row">{t(`files.${role}`)}</Table.Th>
                <Table.Td className="mono">{file.uri.split("/").at(-1)}</Table.Td>
                <Table.Td className="num">{bytes(file.size_bytes)}</Table.Td>
                <Table.Td>
                  <span className={classes.digest} title={`sha256:${file.sha256}`}>
                    <span className="mono">{file.sha256.slice(0, 16)}</span>
                    <CopyButton text={`sha256:${file.sha256}`} label={t("files.copyDigest")} />
                  </span>
                </Table.Td>
                <Table.Td>
                  <Ago at={file.created_at} />
                </Table.Td>
                <Table.Td className="num">
                  <Button component="a" href={`/api/v1/artifacts/${id}/download`} download variant="subtle" size="compact-xs" leftSection={<IconDownload size={14} aria-hidden />} aria-label={t("files.download", { name: t(`files.${role}`) })}>
                    {t("verb.download", { ns: "common" })}
                  </Button>
                </Table.Td>
              </Table.Tr>
            ) : null;
          })}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
