import { ActionIcon, Button, Checkbox, Group, Text, TextInput } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { ErrorDetails } from "@/components/faces";
import { useHasRole } from "@/lib/permissions";
import { useWrite } from "../api";
import { allows, patternOf } from "../logic/origins";
import { allowedQuery, allowOrigin, disallowOrigin, type AllowedOrigin } from "../schedules-api";
import classes from "./allowed-origins.module.css";

/** From where a project may fetch; an administrator of it changes the list here. `url`: what the reader is about to fetch. */
export function AllowedOrigins({ project, url }: { project: string; url: string }) {
  const { t } = useTranslation("datasets");
  const me = useMe();
  const maySet = useHasRole("admin", project);
  const query = useQuery(allowedQuery(project));
  const rows = query.data ?? [];
  const [text, setText] = useState("");
  const [isPrivate, setPrivate] = useState(false);
  const [removed, setRemoved] = useState<AllowedOrigin | null>(null);
  const add = useWrite(allowOrigin);
  const remove = useWrite(disallowOrigin);
  const needed = patternOf(url);
  const isOn = rows.some(({ pattern }) => allows(pattern, needed));
  const send = (pattern: string): void => add.mutate({ project, pattern, is_private: isPrivate }, { onSuccess: () => setText("") });
  return (
    <div>
      <Text size="sm" className="soft">
        {t("fetch.allowed.lead")}
      </Text>
      {rows.length ? (
        <ul className={classes.list}>
          {rows.map((row) => (
            <li key={row.id} data-wanted={allows(row.pattern, needed) || undefined}>
              <span className="mono">{row.pattern}</span>
              {row.is_private ? <span className="soft"> {t("fetch.allowed.private")}</span> : null}
              {maySet ? (
                <ActionIcon size="xs" aria-label={t("fetch.allowed.remove", { name: row.pattern })} onClick={() => setRemoved(row)}>
                  <IconX size={12} aria-hidden />
                </ActionIcon>
              ) : null}
            </li>
          ))}
        </ul>
      ) : query.isSuccess ? (
        <Text size="sm" mt={4}>
          {t("fetch.allowed.none")}
        </Text>
      ) : null}
      {query.error ? <ErrorDetails error={query.error} /> : null}
      {maySet ? (
        <>
          <Group gap="sm" align="end" mt="sm">
            <TextInput label={t("fetch.allowed.pattern")} placeholder={needed || "data.example.org"} value={text} onChange={(event) => setText(event.currentTarget.value)} w={280} />
            {me.is_superuser ? <Checkbox pb={8} label={t("fetch.allowed.isPrivate")} checked={isPrivate} onChange={(event) => setPrivate(event.currentTarget.checked)} /> : null}
            <Button variant="default" loading={add.isPending} disabled={!text.trim() && (!needed || isOn)} onClick={() => send(text.trim() || needed)}>
              {t("fetch.allowed.add", { name: text.trim() || (isOn ? "" : needed) })}
            </Button>
          </Group>
          {add.error ? <ErrorDetails error={add.error} /> : null}
        </>
      ) : needed && query.isSuccess && !isOn ? (
        <Text size="sm" mt={4} role="status">
          {t("fetch.allowed.ask", { name: needed })}
        </Text>
      ) : null}
      <ConfirmDialog
        opened={removed !== null}
        onClose={() => setRemoved(null)}
        title={t("fetch.allowed.removeTitle", { name: removed?.pattern })}
        verb={t("fetch.allowed.removeVerb")}
        onConfirm={() => (removed ? remove.mutateAsync(removed.id) : Promise.resolve())}
      >
        {t("fetch.allowed.removeEffect")}
      </ConfirmDialog>
    </div>
  );
}
