import { Button, Group, NumberInput, Stack, Switch, Text, TextInput, Textarea } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Dialog } from "@/components/dialog";
import { ErrorDetails } from "@/components/faces";
import { useSaveCluster, type Cluster } from "../api";
import { draftOf, freshDraft, problemsOf, type ClusterDraft, type Wrong } from "../logic/draft";
import { ConnectionFields } from "./connection-fields";
import classes from "./clusters.module.css";

/** Adds a cluster or changes one. What connects to it is typed anew or left as it is; nobody can read it. */
export function ClusterDialog({ cluster, onClose }: { cluster: Cluster | null; onClose: () => void }) {
  const { t } = useTranslation(["clusters", "common"]);
  const [draft, setDraft] = useState(() => (cluster ? draftOf(cluster) : freshDraft()));
  const [tried, setTried] = useState(false);
  const key = useRef(crypto.randomUUID());
  const save = useSaveCluster(cluster);
  const refusal = useRef<HTMLDivElement>(null);
  // The form is longer than most screens: what was refused is said at its end, which nobody may be looking at.
  useEffect(() => {
    if (save.error) refusal.current?.scrollIntoView({ block: "nearest" });
  }, [save.error]);
  const set = (part: Partial<ClusterDraft>): void => {
    setDraft((before) => ({ ...before, ...part }));
    key.current = crypto.randomUUID();
  };
  const problems = problemsOf(draft, cluster === null);
  const wrong = (name: Wrong): string | undefined => (tried && problems.includes(name) ? t(`wrong.${name}`) : undefined);
  const send = (): void => {
    setTried(true);
    if (!problems.length) save.mutate({ draft, key: key.current }, { onSuccess: onClose });
  };
  return (
    <Dialog onClose={onClose} title={cluster ? t("changeTitle", { name: cluster.name }) : t("addTitle")} size="lg">
      <form
        noValidate
        autoComplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <Stack gap="md">
          {cluster ? (
            <Switch label={t("form.reconnect")} description={t("form.reconnectSaid")} checked={draft.reconnects} onChange={(event) => set({ reconnects: event.currentTarget.checked })} />
          ) : (
            <TextInput label={t("form.name")} description={t("form.nameSaid")} value={draft.name} onChange={(event) => set({ name: event.currentTarget.value })} maxLength={40} error={wrong("name")} required data-autofocus />
          )}
          {draft.reconnects ? <ConnectionFields draft={draft} set={set} wrong={wrong} /> : null}
          <SettingFields draft={draft} set={set} wrong={wrong} />
          <Text size="sm" className="soft">
            {t(cluster ? "form.changeEffect" : "form.effect")}
          </Text>
          <div ref={refusal} role="alert">
            {save.error ? <ErrorDetails error={save.error} /> : null}
          </div>
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("verb.cancel", { ns: "common" })}
            </Button>
            <Button type="submit" loading={save.isPending}>
              {cluster ? t("verb.save", { ns: "common" }) : t("add")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

interface FieldsProps {
  draft: ClusterDraft;
  set: (part: Partial<ClusterDraft>) => void;
  wrong: (name: Wrong) => string | undefined;
}

function SettingFields({ draft, set, wrong }: FieldsProps) {
  const { t } = useTranslation("clusters");
  return (
    <fieldset className={classes.fields}>
      <legend>{t("form.settings")}</legend>
      <div className={classes.pair}>
        <TextInput label={t("form.prefix")} value={draft.namespace_prefix} onChange={(event) => set({ namespace_prefix: event.currentTarget.value })} maxLength={20} />
        <NumberInput label={t("form.rate")} value={draft.requests_per_second} onChange={(each) => set({ requests_per_second: each })} min={1} max={1000} allowDecimal={false} allowNegative={false} error={wrong("requests_per_second")} />
        <TextInput label={t("form.api")} description={t("form.apiSaid")} value={draft.job_api_url} onChange={(event) => set({ job_api_url: event.currentTarget.value })} placeholder="https://bedplate.example" />
        <TextInput label={t("form.image")} description={t("form.imageSaid")} value={draft.runtime_image} onChange={(event) => set({ runtime_image: event.currentTarget.value })} />
      </div>
      <Switch label={t("form.makes")} description={t("form.makesSaid")} checked={draft.makes_namespaces} onChange={(event) => set({ makes_namespaces: event.currentTarget.checked })} />
      <Textarea label={t("form.options")} description={t("form.optionsSaid")} value={draft.options} onChange={(event) => set({ options: event.currentTarget.value })} autosize minRows={2} maxRows={10} spellCheck={false} classNames={{ input: "mono" }} error={wrong("options")} />
    </fieldset>
  );
}
