import { ActionIcon, Button, Menu, SegmentedControl, Select, Text } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { ErrorDetails, LoadingFace } from "@/components/faces";
import { freshChange, HOURS, isWhole, KINDS, type Basis, type Change } from "../../logic/what-if";
import { ChangeFields } from "./change-fields";
import { useChoices } from "./choices";
import { TraceFiles, type Files } from "./trace-files";
import classes from "./what-if.module.css";

export interface Asked {
  pool: string;
  basis: Basis;
  hours: number;
  changes: readonly Change[];
}

interface Props {
  asked: Asked;
  pools: readonly { id: string; name: string }[];
  /** Of a trace, as chosen. */
  files: Files;
  onFiles: (files: Files) => void;
  onChange: (part: Partial<Asked>) => void;
  onAsk: () => void;
  isAsking: boolean;
  error: unknown;
  /** The answer that is shown is to this very question. */
  isAnswered: boolean;
}

const HOURS_SAID = { now: "whatIf.hoursAgain", ledger: "whatIf.hoursOf", trace: "whatIf.hoursIn" } as const;

/** What is asked: of which pool, from what on, with which changes. */
export function WhatIfForm({ asked, files, onFiles, pools, onChange, onAsk, isAsking, error, isAnswered }: Props) {
  const { t } = useTranslation("quotas");
  const choices = useChoices(asked.pool);
  const { changes, basis, hours } = asked;
  const least = basis === "now" ? 0 : 1;
  const put = (index: number, change: Change): void => onChange({ changes: changes.map((each, at) => (at === index ? change : each)) });
  const lacks = basis === "trace" && !files.tasks ? t("whatIf.noTrace") : !changes.length ? t("whatIf.noChange") : changes.every(isWhole) ? null : t("whatIf.notWhole");
  return (
    <form
      className={classes.form}
      aria-label={t("whatIf.question")}
      onSubmit={(event) => {
        event.preventDefault();
        if (!lacks) onAsk();
      }}
    >
      {pools.length > 1 ? <Select label={t("pool")} data={pools.map(({ id, name }) => ({ value: id, label: name }))} value={asked.pool} onChange={(pool) => pool && onChange({ pool, changes: [] })} allowDeselect={false} searchable /> : null}
      <div>
        <Text size="sm" fw={500} id="what-if-basis">
          {t("whatIf.basis")}
        </Text>
        <SegmentedControl
          fullWidth
          aria-labelledby="what-if-basis"
          value={basis}
          onChange={(value) => onChange(value === "now" ? { basis: "now" } : { basis: value, hours: hours || 24 })}
          data={[
            { value: "now", label: t("whatIf.now") },
            { value: "ledger", label: t("whatIf.ledger") },
            { value: "trace", label: t("whatIf.trace") },
          ]}
        />
        <Text size="sm" className="soft" mt={4}>
          {t(`whatIf.${basis}Said`)}
        </Text>
      </div>
      {basis === "trace" ? <TraceFiles files={files} onChange={onFiles} /> : null}
      <Select
        label={t(HOURS_SAID[basis])}
        data={[...new Set([...HOURS, hours])].sort((a, b) => a - b).filter((each) => each >= least).map((each) => ({ value: String(each), label: each ? t("whatIf.hours", { count: each }) : t("whatIf.noHours") }))}
        value={String(hours)}
        onChange={(value) => value && onChange({ hours: Number(value) })}
        allowDeselect={false}
      />
      <h2>{t("whatIf.changes")}</h2>
      {choices ? (
        changes.map((change, index) => (
          <fieldset key={index} className={classes.change}>
            <legend>{t(`whatIf.kind.${change.kind}`)}</legend>
            <ActionIcon className={classes.remove} variant="subtle" color="gray" aria-label={t("whatIf.drop", { number: index + 1, kind: t(`whatIf.kind.${change.kind}`) })} onClick={() => onChange({ changes: changes.filter((_, at) => at !== index) })}>
              <IconTrash size={16} aria-hidden />
            </ActionIcon>
            <ChangeFields change={change} choices={choices} onChange={(next) => put(index, next)} />
          </fieldset>
        ))
      ) : (
        <LoadingFace height={120} />
      )}
      <div className={classes.verbs}>
        <Menu position="bottom-start">
          <Menu.Target>
            <Button variant="default" leftSection={<IconPlus size={16} aria-hidden />}>
              {t("whatIf.add")}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {KINDS.map((kind) => (
              <Menu.Item key={kind} onClick={() => onChange({ changes: [...changes, freshChange(kind)] })}>
                {t(`whatIf.kind.${kind}`)}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
        <Button type="submit" loading={isAsking} disabled={lacks !== null} title={lacks ?? undefined}>
          {t(isAnswered ? "whatIf.askAgain" : "whatIf.ask")}
        </Button>
      </div>
      {lacks ? <Text size="sm" className="soft">{lacks}</Text> : null}
      {error ? <ErrorDetails error={error} /> : null}
    </form>
  );
}
