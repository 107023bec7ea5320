import { Alert, Badge, Button, Table, Text } from "@mantine/core";
import { IconDownload, IconShieldQuestion } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { CopyButton } from "@/components/copy-button";
import { Faces, LoadingFace } from "@/components/faces";
import { bytes } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { useRequestApproval, versionFilesQuery, type Version, type VersionApproval, type VersionFile } from "../api";
import classes from "./models.module.css";

const COLORS = { "": "gray", preferred: "teal", plain: "gray", listed: "blue", executable: "red", unreadable: "orange" } as const;

/** All files of a version, what proves that they are unchanged, and what was seen in them. */
export function VersionFiles({ version }: { version: Version }) {
  const query = useQuery(versionFilesQuery(version.id));
  return (
    <Faces query={query} loading={<LoadingFace rows={3} />}>
      {(found) => (
        <>
          {version.state_reason === "runs_code" ? <Approval version={version} approvals={found.approvals} /> : null}
          <Files version={version} files={found.files} />
          <Approvals approvals={found.approvals} />
        </>
      )}
    </Faces>
  );
}

function Files({ version, files }: { version: Version; files: readonly VersionFile[] }) {
  const { t } = useTranslation("models");
  return (
    <Table.ScrollContainer minWidth={640} className="surface">
      <Table aria-label={t("tab.files")}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">{t("files.file")}</Table.Th>
            <Table.Th scope="col">{t("files.seen")}</Table.Th>
            <Table.Th scope="col" className="num">
              {t("files.size")}
            </Table.Th>
            <Table.Th scope="col">{t("files.digest")}</Table.Th>
            <Table.Th scope="col">
              <span className="visually-hidden">{t("verb.download", { ns: "common" })}</span>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {files.map((file) => (
            <Table.Tr key={file.name}>
              <Table.Th scope="row" className="mono">
                {file.name}
              </Table.Th>
              <Table.Td>
                <Badge variant="light" color={COLORS[file.verdict]} title={t(`verdict.${file.verdict || "none"}.about`)}>
                  {t(`verdict.${file.verdict || "none"}.name`)}
                </Badge>
                {file.refused.length ? (
                  <Text size="xs" className="mono">
                    {file.refused.map(({ name }) => name).join(", ")}
                  </Text>
                ) : null}
              </Table.Td>
              <Table.Td className="num">{bytes(file.size_bytes)}</Table.Td>
              <Table.Td>
                <span className={classes.digest} title={`sha256:${file.sha256}`}>
                  <span className="mono">{file.sha256.slice(0, 16)}</span>
                  <CopyButton text={`sha256:${file.sha256}`} label={t("files.copyDigest")} />
                </span>
              </Table.Td>
              <Table.Td className="num">
                {version.state === "ready" ? (
                  <Button component="a" href={`/api/v1/model-versions/${version.id}/download?name=${encodeURIComponent(file.name)}`} download variant="subtle" size="compact-xs" leftSection={<IconDownload size={14} aria-hidden />} aria-label={t("files.download", { name: file.name })}>
                    {t("verb.download", { ns: "common" })}
                  </Button>
                ) : null}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

/** Loading it runs code: who may, asks that it be used nevertheless. */
function Approval({ version, approvals }: { version: Version; approvals: readonly VersionApproval[] }) {
  const { t } = useTranslation("models");
  const mayEdit = useHasRole("editor", version.project);
  const ask = useRequestApproval(version.id);
  const [asked, setAsked] = useState(false);
  const open = asked || approvals.some(({ state }) => state === "pending");
  return (
    <Alert variant="outline" color="orange" mb="md" icon={<IconShieldQuestion aria-hidden />} title={t("approval.title")}>
      <p>{t("approval.lead")}</p>
      {open ? (
        <p>{t("approval.waits")}</p>
      ) : (
        <Button size="xs" disabled={!mayEdit} title={mayEdit ? undefined : t("version.mayNot")} loading={ask.isPending} onClick={() => ask.mutate("", { onSuccess: () => setAsked(true) })}>
          {t("approval.ask")}
        </Button>
      )}
    </Alert>
  );
}

function Approvals({ approvals }: { approvals: readonly VersionApproval[] }) {
  const { t } = useTranslation("models");
  if (!approvals.length) return null;
  return (
    <ul aria-label={t("approval.story")}>
      {approvals.map((one) => (
        <li key={one.id}>
          {t(`approval.is.${one.state}`, { by: one.requested_by, decider: one.decided_by })} <Ago at={one.decided_at ?? one.requested_at} />
          {one.decision ? ` — ${one.decision}` : ""}
        </li>
      ))}
    </ul>
  );
}
