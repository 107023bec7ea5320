import { Button, Checkbox, Group, SegmentedControl, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Dialog } from "@/components/dialog";
import { ErrorDetails, Faces, LoadingFace } from "@/components/faces";
import { count } from "@/lib/format";
import { useWrite, type Dataset, type Version } from "../api";
import { createExpectations, proposalsQuery, type Proposal, type Severity } from "../quality";
import { useSaid } from "./expectation-said";
import classes from "./quality.module.css";

/** What the profile of a version suggests; the reader picks some, and says what each means. */
export function ProposalsDialog({ dataset, version, onClose }: { dataset: Dataset; version: Version; onClose: () => void }) {
  const { t } = useTranslation("quality");
  return (
    <Dialog onClose={onClose} title={t("proposals.title", { number: version.number })} size="xl">
      <Faces query={useQuery(proposalsQuery(version.id))} loading={<LoadingFace rows={8} />}>
        {({ has_profile: hasProfile, proposals }) =>
          proposals.length ? (
            <Picker dataset={dataset} proposals={proposals} onClose={onClose} />
          ) : (
            <Text className="soft">{hasProfile ? t("proposals.none") : t("proposals.noProfile", { number: version.number })}</Text>
          )
        }
      </Faces>
    </Dialog>
  );
}

function Picker({ dataset, proposals, onClose }: { dataset: Dataset; proposals: readonly Proposal[]; onClose: () => void }) {
  const { t } = useTranslation("quality");
  const { t: tCommon } = useTranslation();
  const said = useSaid(dataset.project, proposals);
  const open = proposals.filter(({ exists }) => !exists);
  const [chosen, setChosen] = useState<ReadonlySet<Proposal>>(() => new Set(open));
  const [severities, setSeverities] = useState<ReadonlyMap<Proposal, Severity>>(new Map());
  const severityOf = (one: Proposal): Severity => severities.get(one) ?? one.severity;
  const write = useWrite(createExpectations);
  const toggle = (one: Proposal): void =>
    setChosen((before) => {
      const next = new Set(before);
      if (!next.delete(one)) next.add(one);
      return next;
    });
  const send = (): void =>
    write.mutate(
      { dataset: dataset.id, expectations: proposals.filter((one) => chosen.has(one)).map((one) => ({ kind: one.kind, parameters: one.parameters, severity: severityOf(one), description: "" })) },
      { onSuccess: onClose },
    );
  return (
    <>
      <Text size="sm" className="soft" mb="sm">
        {t("proposals.lead")}
      </Text>
      <Checkbox
        label={t("proposals.all")}
        checked={chosen.size === open.length && open.length > 0}
        indeterminate={chosen.size > 0 && chosen.size < open.length}
        disabled={!open.length}
        onChange={() => setChosen(chosen.size === open.length ? new Set() : new Set(open))}
      />
      <ul className={classes.choices}>
        {proposals.map((one) => (
          <li key={one.label + one.kind}>
            <Checkbox aria-label={t("proposals.choose", { label: one.label })} checked={one.exists || chosen.has(one)} disabled={one.exists} onChange={() => toggle(one)} />
            <div className={classes.what}>
              <span>
                <strong>{said.kind(one.kind)}</strong> {said.says(one.kind, one.parameters)}
              </span>
              <span className="soft">{one.exists ? t("proposals.there") : t(`proposals.reason.${one.reason}`)}</span>
            </div>
            <SegmentedControl
              size="xs"
              aria-label={t("column.severity")}
              disabled={one.exists || !chosen.has(one)}
              value={severityOf(one)}
              onChange={(next) => setSeverities((before) => new Map(before).set(one, next))}
              data={[
                { value: "block" as const, label: t("severity.block") },
                { value: "warn" as const, label: t("severity.warn") },
              ]}
            />
          </li>
        ))}
      </ul>
      {write.error ? <ErrorDetails error={write.error} /> : null}
      <Group justify="flex-end" gap="sm">
        <Button variant="default" onClick={onClose}>
          {tCommon("verb.cancel")}
        </Button>
        <Button disabled={!chosen.size} loading={write.isPending} onClick={send}>
          {t("proposals.add", { count: chosen.size, n: count(chosen.size) })}
        </Button>
      </Group>
    </>
  );
}
