import { Button, Group, Stack, TagsInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Dialog } from "@/components/dialog";
import { ErrorDetails } from "@/components/faces";
import { useTagRun, type Run } from "../../api";

export function TagsDialog({ run, onClose }: { run: Run; onClose: () => void }) {
  const { t } = useTranslation(["runs", "common"]);
  const [tags, setTags] = useState<string[]>(run.tags);
  const tag = useTagRun(run.id);
  return (
    <Dialog onClose={onClose} title={t("page.tagsOf", { name: run.name })}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          tag.mutate(tags, { onSuccess: onClose });
        }}
      >
        <Stack gap="lg">
          <TagsInput label={t("page.tags")} description={t("page.tagsHint")} value={tags} onChange={setTags} maxTags={20} maxLength={40} data-autofocus />
          {tag.error ? <ErrorDetails error={tag.error} /> : null}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              {t("verb.cancel", { ns: "common" })}
            </Button>
            <Button type="submit" loading={tag.isPending}>
              {t("verb.save", { ns: "common" })}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
