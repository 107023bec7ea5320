import { Button, Group, Stack, TagsInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Dialog } from "@/components/dialog";
import { ErrorDetails } from "@/components/faces";
import { useWrite, type Version } from "../api";
import { setTags } from "../versions-api";

/** The tags of a version: words to find it by. What it holds stays as it is. */
export function VersionTagsDialog({ version, onClose }: { version: Pick<Version, "id" | "number" | "dataset_name" | "tags">; onClose: () => void }) {
  const { t } = useTranslation("versions");
  const { t: tCommon } = useTranslation();
  const [tags, setShown] = useState<string[]>(version.tags);
  const write = useWrite(setTags);
  return (
    <Dialog onClose={onClose} title={t("tags.title", { name: version.dataset_name, number: version.number })}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          write.mutate({ id: version.id, tags }, { onSuccess: onClose });
        }}
      >
        <Stack gap="lg">
          <TagsInput label={t("tags.label")} description={t("tags.hint")} value={tags} onChange={setShown} maxTags={20} maxLength={40} clearable clearButtonProps={{ "aria-label": t("tags.clear") }} data-autofocus />
          {write.error ? <ErrorDetails error={write.error} /> : null}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              {tCommon("verb.cancel")}
            </Button>
            <Button type="submit" loading={write.isPending}>
              {t("tags.verb", { number: version.number })}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
