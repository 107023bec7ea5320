import { Select } from "@mantine/core";
import { useQueries, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Faces, LoadingFace } from "@/components/faces";
import { TimeSeries } from "@/components/time-series";
import { curveOf, type Curve } from "@/lib/curves";
import { bytes, percent, value } from "@/lib/format";
import { SERIES } from "@/lib/series-colors";
import { systemQuery, type Attempt, type MemberUsage, type Run } from "../../api";
import { FLOWS, flowsQuery } from "../../api-system";
import classes from "./curves.module.css";

/** As often as it is measured. */
const RENEWED = 5_000;
const FLOWS_RENEWED = 10_000;

/** What an attempt used: processors, memory, GPUs, disk and network, of each of its members. */
export function SystemCharts({ run, attempts }: { run: Run; attempts: readonly Attempt[] }) {
  const { t } = useTranslation(["runs", "common"]);
  const [chosen, choose] = useState<string | null>(null);
  const attempt = attempts.find(({ id }) => id === chosen) ?? attempts.at(-1);
  const goesOn = attempt?.started_at && !attempt.ended_at;
  const query = useQuery({ ...systemQuery(run.id, attempt?.id ?? ""), enabled: attempt !== undefined, refetchInterval: goesOn ? RENEWED : false });
  if (!attempt) return <p className="soft">{t("attempts.none")}</p>;
  return (
    <section aria-label={t("tab.system")}>
      {attempts.length > 1 ? (
        <Select
          mb="sm"
          w={160}
          aria-label={t("logs.attempt", { ns: "common" })}
          allowDeselect={false}
          value={attempt.id}
          onChange={choose}
          data={attempts.map(({ id, number }) => ({ value: id, label: t("logs.attemptNumber", { ns: "common", number }) }))}
        />
      ) : null}
      <Faces query={query} loading={<LoadingFace height={400} />}>
        {({ members }) => (members.some(({ times }) => times.length) ? <Charts members={members} run={run} attempt={attempt} goesOn={Boolean(goesOn)} /> : <p className="soft">{t(goesOn ? "system.noneYet" : "system.none")}</p>)}
      </Faces>
    </section>
  );
}

type Of = (member: MemberUsage) => (number | null)[];

interface ChartsProps {
  members: readonly MemberUsage[];
  run: Run;
  attempt: Attempt;
  goesOn: boolean;
}

function Charts({ members, run, attempt, goesOn }: ChartsProps) {
  const { t } = useTranslation("runs");
  const flows = useFlows(run, attempt, members, goesOn);
  const many = members.length > 1;
  const charts = useMemo(() => {
    const label = (member: MemberUsage, word: string): string => (many ? t("system.member", { rank: member.rank, word }) : word);
    const each = (word: string, of: Of): Curve[] =>
      members.map((member, index) => curveOf({ id: `${member.rank}`, label: label(member, word), color: SERIES[index % SERIES.length]!, area: !many }, member.times, of(member)));
    const gpus = (of: (gpu: MemberUsage["gpus"][number]) => (number | null)[]): Curve[] =>
      members
        .flatMap((member) => member.gpus.map((gpu) => ({ member, gpu })))
        .map(({ member, gpu }, index) =>
          curveOf({ id: `${member.rank}-${gpu.index}`, label: label(member, `GPU ${gpu.index}`), color: SERIES[index % SERIES.length]! }, member.times, of(gpu)),
        );
    const all = [
      { title: t("system.cpu"), curves: each(t("system.cpu"), ({ cpu_cores }) => cpu_cores), format: cores },
      { title: t("system.memory"), curves: each(t("system.memory"), ({ memory_bytes }) => memory_bytes), format: bytes },
      { title: t("system.gpuUse"), curves: gpus(({ utilisation_ratio }) => utilisation_ratio), format: percent },
      { title: t("system.gpuMemory"), curves: gpus(({ memory_bytes }) => memory_bytes), format: bytes },
    ];
    const perSecond = (y: number): string => t("system.perSecond", { amount: bytes(y) });
    const flowing = FLOWS.map(({ key, title }) => ({
      title: t(title),
      curves: flows.flatMap(({ rank, series }, index) => {
        const found = series[key];
        if (!found?.steps.length) return [];
        const values = found.values.map((y) => (typeof y === "number" ? y : null));
        const word = many ? t("system.member", { rank, word: t(title) }) : t(title);
        return [curveOf({ id: `${rank}`, label: word, color: SERIES[index % SERIES.length]!, area: !many }, found.times, values)];
      }),
      format: perSecond,
    }));
    return [...all, ...flowing].filter(({ curves }) => curves.length > 0);
  }, [members, flows, many, t]);
  return (
    <ul className={classes.grid}>
      {charts.map(({ title, curves, format }) => (
        <li key={title} className={classes.card}>
          <TimeSeries title={title} curves={curves} x="time" zero format={format} group={`system ${run.id}`} height={172} />
        </li>
      ))}
    </ul>
  );
}

/** What the members read, wrote, sent and got. */
function useFlows(run: Run, attempt: Attempt, members: readonly MemberUsage[], goesOn: boolean) {
  const answers = useQueries({
    queries: members.map(({ rank }) => ({ ...flowsQuery(run.id, attempt, rank), refetchInterval: goesOn ? FLOWS_RENEWED : (false as const) })),
    combine: (found) => found.map(({ data }) => data),
  });
  return useMemo(() => members.map(({ rank }, index) => ({ rank, series: answers[index]?.series ?? {} })), [members, answers]);
}

const cores = (y: number): string => value(y, 3);
