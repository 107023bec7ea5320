import { Button, Group, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Dialog } from "@/components/dialog";
import { ErrorDetails, Faces, LoadingFace } from "@/components/faces";
import { LinkButton } from "@/components/link-button";
import type { Run } from "../../api";
import { provenanceQuery, useRepeatRun, type Provenance } from "../../api-source";

interface Props {
  run: Run;
  onClose: () => void;
}

/** Asks before a run is run exactly again; where that is not possible, says what is gone or differs. */
export function RepeatDialog({ run, onClose }: Props) {
  const { t } = useTranslation("runs");
  const query = useQuery(provenanceQuery(run.id));
  return (
    <Dialog onClose={onClose} title={t("page.repeatTitle", { name: run.name })} size="md">
      <Faces query={query} loading={<LoadingFace rows={3} />}>
        {(found) => (found.obstacles.length ? <Barred run={run} obstacles={found.obstacles} /> : <Asked run={run} onClose={onClose} />)}
      </Faces>
    </Dialog>
  );
}

function Barred({ run, obstacles }: { run: Run; obstacles: Provenance["obstacles"] }) {
  const { t } = useTranslation("runs");
  return (
    <Stack gap="md">
      <Text>{t("page.repeatNot")}</Text>
      <ul>
        {obstacles.map(({ what, detail }) => (
          <li key={`${what} ${detail}`}>
            <code>{what}</code> <span lang="en">{detail}</span>
          </li>
        ))}
      </ul>
      {run.kind === "tracked" ? null : (
        <Group justify="flex-end">
          <LinkButton to="/runs/new" search={{ from: run.id }}>
            {t("page.repeatClone")}
          </LinkButton>
        </Group>
      )}
    </Stack>
  );
}

function Asked({ run, onClose }: Props) {
  const { t } = useTranslation(["runs", "common"]);
  const repeat = useRepeatRun(run.id);
  const navigate = useNavigate();
  const confirm = async (): Promise<void> => {
    const made = await repeat.mutateAsync().catch(() => undefined);
    if (!made) return;
    onClose();
    notifications.show({ message: t("page.submitted", { name: made.name }) });
    await navigate({ to: "/runs/$runId", params: { runId: made.id } });
  };
  return (
    <Stack gap="lg">
      <Text>{t("page.repeatEffect")}</Text>
      {repeat.error ? <ErrorDetails error={repeat.error} /> : null}
      <Group justify="flex-end" gap="sm">
        <Button variant="default" onClick={onClose}>
          {t("verb.cancel", { ns: "common" })}
        </Button>
        <Button loading={repeat.isPending} onClick={() => void confirm()} data-autofocus>
          {t("page.repeatVerb")}
        </Button>
      </Group>
    </Stack>
  );
}
