import { Button, Group, Stack, TagsInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { Dialog } from "@/components/dialog";
import { ErrorDetails } from "@/components/faces";
import { count } from "@/lib/format";
import { useTagRuns, type RunRow } from "../api-list";

/** Tags of many runs: those that all of them have are shown; what is added or taken away is so for each. */
export function TagRunsDialog({ runs, onClose }: { runs: readonly RunRow[]; onClose: () => void }) {
  const { t } = useTranslation("runs");
  const [common] = useState(() => (runs[0]?.tags ?? []).filter((tag) => runs.every(({ tags }) => tags.includes(tag))));
  const [tags, setTags] = useState(common);
  const tag = useTagRuns();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const gone = new Set(common.filter((each) => !tags.includes(each)));
    const wanted = runs.map((run) => ({ id: run.id, tags: [...new Set([...run.tags.filter((each) => !gone.has(each)), ...tags])] }));
    tag.mutate(wanted, { onSuccess: onClose });
  };
  return (
    <Dialog onClose={onClose} title={t("tag.title", { n: count(runs.length) })}>
      <form onSubmit={submit}>
        <Stack gap="lg">
          <TagsInput label={t("tag.tags")} description={t("tag.hint")} value={tags} onChange={setTags} maxTags={20} maxLength={40} data-autofocus />
          {tag.error ? <ErrorDetails error={tag.error} /> : null}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              {t("verb.cancel", { ns: "common" })}
            </Button>
            <Button type="submit" loading={tag.isPending}>
              {t("tag.verb", { n: count(runs.length) })}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
