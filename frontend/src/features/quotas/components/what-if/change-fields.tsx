import { Autocomplete, MultiSelect, NumberInput, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { priorityClassesQuery } from "@/api/pools";
import { without } from "@/components/schema-form/schema";
import { decimalsOf, UNITS } from "../../logic/units";
import type { Change } from "../../logic/what-if";
import { LimitInput } from "../limit-input";
import { ownerOf, resourceOf, splitResource, type Choices } from "./choices";
import classes from "./what-if.module.css";

export interface FieldsProps {
  change: Change;
  choices: Choices;
  onChange: (change: Change) => void;
}

/** The fields of one change. */
export function ChangeFields(props: FieldsProps) {
  switch (props.change.kind) {
    case "quota":
      return <QuotaFields {...props} />;
    case "weight":
      return <WeightFields {...props} />;
    case "priority":
      return <PriorityFields {...props} />;
    case "add_nodes":
      return <AddFields {...props} />;
    case "remove_nodes":
      return <RemoveFields {...props} />;
  }
}

/** The same change of another queue or cohort. */
function owned(change: Change, owner: string): Change {
  const rest = without(change, "queue", "cohort");
  const id = owner.slice(owner.indexOf(":") + 1);
  return owner.startsWith("queue:") ? { ...rest, queue: id } : { ...rest, cohort: id };
}

function Owner({ change, choices, onOwner }: { change: Change; choices: Choices; onOwner: (owner: string) => void }) {
  const { t } = useTranslation("quotas");
  return <Select label={t("whatIf.owner")} placeholder={t("whatIf.choose")} data={choices.owners} value={ownerOf(change)} onChange={(owner) => owner && onOwner(owner)} searchable allowDeselect={false} />;
}

function QuotaFields({ change, choices, onChange }: FieldsProps) {
  const { t } = useTranslation("quotas");
  /** With what is there now, from where it is changed. */
  const filled = (next: Change): Change => {
    const owner = ownerOf(next);
    const resource = resourceOf(next);
    if (!owner || !resource) return next;
    const now = choices.amountOf(owner, resource);
    const has = now?.quota !== null && now?.quota !== undefined;
    return { ...next, nominal: now?.nominal ?? 0, borrowing_limit: has ? now.borrowing_limit : 0, lending_limit: has ? now.lending_limit : null };
  };
  const resource = change.resource;
  const unit = resource ? UNITS[resource] : 1;
  const nominal = change.nominal ?? 0;
  return (
    <>
      <div className={classes.two}>
        <Owner change={change} choices={choices} onOwner={(owner) => onChange(filled(owned(change, owner)))} />
        <Select label={t("whatIf.resource")} placeholder={t("whatIf.choose")} data={choices.resources} value={resourceOf(change)} onChange={(key) => key && onChange(filled({ ...change, ...splitResource(key) }))} allowDeselect={false} />
      </div>
      {resource ? (
        <div className={classes.three}>
          <NumberInput label={t("whatIf.nominal")} value={nominal / unit} onChange={(next) => typeof next === "number" && onChange({ ...change, nominal: Math.round(next * unit) })} min={0} allowNegative={false} decimalScale={decimalsOf(resource)} />
          <LimitInput label={t("whatIf.borrowing")} endless={t("whatIf.allIdle")} resource={resource} value={change.borrowing_limit === undefined ? 0 : change.borrowing_limit} onChange={(borrowing_limit) => onChange({ ...change, borrowing_limit })} />
          <LimitInput
            label={t("whatIf.lending")}
            endless={t("whatIf.allOfIt")}
            resource={resource}
            value={change.lending_limit ?? null}
            onChange={(lending_limit) => onChange({ ...change, lending_limit })}
            error={(change.lending_limit ?? 0) > nominal ? t("whatIf.lendsMore") : undefined}
          />
        </div>
      ) : null}
    </>
  );
}

function WeightFields({ change, choices, onChange }: FieldsProps) {
  const { t } = useTranslation("quotas");
  return (
    <div className={classes.two}>
      <Owner change={change} choices={choices} onOwner={(owner) => onChange(owned(change, owner))} />
      <NumberInput label={t("sharing.weight")} value={change.weight ?? 1} onChange={(weight) => typeof weight === "number" && onChange({ ...change, weight })} min={0} decimalScale={3} allowNegative={false} />
    </div>
  );
}

function PriorityFields({ change, choices, onChange }: FieldsProps) {
  const { t } = useTranslation("quotas");
  const classesOf = useQuery(priorityClassesQuery).data ?? [];
  const named = classesOf.find(({ value }) => value === change.priority);
  const take = (text: string): void => {
    const found = classesOf.find(({ name }) => name === text)?.value ?? (/^-?\d+$/.test(text) ? Number(text) : undefined);
    if (found !== undefined) onChange({ ...change, priority: found });
  };
  return (
    <div className={classes.two}>
      <Select label={t("whatIf.workload")} placeholder={t(choices.workloads.length ? "whatIf.choose" : "whatIf.noWorkload")} data={choices.workloads} value={change.workload ?? null} onChange={(workload) => workload && onChange({ ...change, workload })} searchable allowDeselect={false} />
      <Autocomplete key={change.priority} label={t("whatIf.priority")} description={undefined} data={classesOf.map(({ name }) => name)} defaultValue={named?.name ?? String(change.priority ?? 0)} onBlur={(event) => take(event.currentTarget.value.trim())} onOptionSubmit={take} />
    </div>
  );
}

function AddFields({ change, choices, onChange }: FieldsProps) {
  const { t } = useTranslation("quotas");
  return (
    <div className={classes.two}>
      <Select label={t("whatIf.like")} placeholder={t("whatIf.choose")} data={choices.nodes} value={change.like ?? null} onChange={(like) => like && onChange({ ...change, like })} searchable allowDeselect={false} />
      <NumberInput label={t("whatIf.count")} value={change.count ?? 1} onChange={(count) => typeof count === "number" && onChange({ ...change, count })} min={1} max={1000} decimalScale={0} allowNegative={false} />
    </div>
  );
}

function RemoveFields({ change, choices, onChange }: FieldsProps) {
  const { t } = useTranslation("quotas");
  return <MultiSelect label={t("whatIf.nodes")} description={t("whatIf.nodesRunOn")} data={choices.nodes} value={change.nodes ?? []} onChange={(nodes) => onChange({ ...change, nodes })} searchable hidePickedOptions />;
}
