import { Button, Checkbox, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { CopyButton } from "@/components/copy-button";
import { Dialog } from "@/components/dialog";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { EmptyState } from "@/components/empty-state";
import { ErrorDetails } from "@/components/faces";
import { StateBadge } from "@/components/state-badge";
import { createToken, revokeToken, tokensKey, tokensQuery, type Scope, type Token } from "../api";
import classes from "./access.module.css";

const keyOf = (token: Token): string => token.id;
const nameOf = (token: Token): string => token.name;

/** The reader's own API tokens. */
export function Tokens() {
  const { t } = useTranslation("access");
  const client = useQueryClient();
  const tokens = useQuery(tokensQuery);
  const [making, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<Token | null>(null);
  const columns = useMemo<Column<Token>[]>(
    () => [
      { key: "name", title: t("name"), grow: true, cell: (token) => <strong>{token.name}</strong> },
      { key: "prefix", title: t("token.prefix"), width: 140, cell: (token) => <span className="mono">{token.prefix}…</span> },
      { key: "state", title: t("state"), width: 120, cell: (token) => <StateBadge noun="token" state={token.state} /> },
      { key: "scopes", title: t("token.scopes"), width: 220, cell: (token) => token.scopes.map((scope) => t(`scope.${scope}`)).join(t("comma")) },
      { key: "used", title: t("token.used"), width: 140, cell: (token) => <Ago at={token.last_used_at} /> },
      { key: "expires", title: t("token.expires"), width: 140, cell: (token) => (token.expires_at ? <Ago at={token.expires_at} /> : t("token.never")) },
      {
        key: "verbs",
        title: t("verbs"),
        untitled: true,
        width: 110,
        cell: (token) =>
          token.state === "active" ? (
            <Button size="compact-xs" variant="subtle" color="red" c="var(--failed)" onClick={() => setRevoking(token)}>
              {t("token.revoke")}
            </Button>
          ) : null,
      },
    ],
    [t],
  );
  const make = (
    <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setMaking(true)}>
      {t("token.new")}
    </Button>
  );
  return (
    <>
      <Group justify="space-between" mb="sm">
        <Text className="soft">{t("token.lead")}</Text>
        {make}
      </Group>
      <DataTable label={t("tab.tokens")} columns={columns} rows={tokens.data} rowKey={keyOf} rowName={nameOf} error={tokens.error} onRetry={() => void tokens.refetch()} empty={<EmptyState text={t("token.empty")} action={make} />} />
      {making ? <NewToken onClose={() => setMaking(false)} /> : null}
      <ConfirmDialog
        opened={revoking !== null}
        onClose={() => setRevoking(null)}
        title={t("token.revokeTitle", { name: revoking?.name ?? "" })}
        verb={t("token.revoke")}
        onConfirm={async () => {
          if (revoking) await revokeToken(revoking.id);
          await client.invalidateQueries({ queryKey: tokensKey });
        }}
      >
        {t("token.revokeEffect")}
      </ConfirmDialog>
    </>
  );
}

const SCOPES: readonly Scope[] = ["read", "write", "infer", "admin"];
const DAYS = ["7", "30", "90", "365", ""] as const;

function NewToken({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation(["access", "common"]);
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<Scope[]>(["read"]);
  const [days, setDays] = useState<string>("90");
  const making = useMutation({
    mutationFn: () => createToken({ name: name.trim(), scopes, expires_at: days ? new Date(Date.now() + Number(days) * 86_400_000).toISOString() : null }),
    onSuccess: () => client.invalidateQueries({ queryKey: tokensKey }),
  });
  const made = making.data?.token;
  return (
    <Dialog onClose={onClose} title={made ? t("token.madeTitle") : t("token.new")} closeOnClickOutside={!made}>
      {made ? (
        <Stack gap="md">
          <Text>{t("token.shownOnce")}</Text>
          <div className={classes.secret}>
            <code className="mono">{made}</code>
            <CopyButton text={made} />
          </div>
          <Group justify="flex-end">
            <Button onClick={onClose}>{t("token.kept")}</Button>
          </Group>
        </Stack>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            making.mutate();
          }}
        >
          <Stack gap="md">
            <TextInput label={t("name")} description={t("token.nameHint")} value={name} onChange={(event) => setName(event.currentTarget.value)} maxLength={80} required data-autofocus />
            <Checkbox.Group label={t("token.scopes")} value={scopes} onChange={(value) => setScopes(value)}>
              <Stack gap={4} mt={4}>
                {SCOPES.map((scope) => (
                  <Checkbox key={scope} value={scope} label={t(`scope.${scope}`)} description={t(`scopeHint.${scope}`)} />
                ))}
              </Stack>
            </Checkbox.Group>
            <Select label={t("token.expires")} data={DAYS.map((value) => ({ value, label: value ? t("token.days", { count: Number(value) }) : t("token.never") }))} value={days} onChange={(value) => setDays(value ?? "")} allowDeselect={false} />
            {making.error ? <ErrorDetails error={making.error} /> : null}
            <Group justify="flex-end">
              <Button variant="default" onClick={onClose}>
                {t("verb.cancel", { ns: "common" })}
              </Button>
              <Button type="submit" loading={making.isPending} disabled={!name.trim() || !scopes.length}>
                {t("token.make")}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Dialog>
  );
}
