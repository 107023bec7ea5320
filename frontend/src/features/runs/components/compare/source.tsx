import { Select } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ErrorFace, LoadingFace } from "@/components/faces";
import { runQuery } from "../../api";
import type { Compared } from "../../api-compare";
import bar from "../compare.module.css";
import { DiffView } from "./diff-view";

interface Props {
  compared: readonly Compared[];
  left: string | undefined;
  right: string | undefined;
  onChoose: (pair: { left?: string; right?: string }) => void;
}

/** The scripts of two of the runs, line by line. */
export function CompareSource({ compared, left, right, onChoose }: Props) {
  const { t } = useTranslation("runs");
  const scripted = compared.filter(({ source }) => source.script_sha256);
  const first = scripted.find(({ run }) => run.id === left) ?? scripted[0];
  // At first two that differ.
  const other = scripted.find(({ run }) => run.id === right) ?? scripted.find((each) => each !== first && each.source.script_sha256 !== first?.source.script_sha256) ?? scripted.find((each) => each !== first);
  if (!first || !other) return <p className="soft">{t("source.none")}</p>;
  const data = scripted.map(({ run }) => ({ value: run.id, label: `${run.experiment_name} / ${run.name}` }));
  return (
    <>
      <div className={bar.bar}>
        <Select searchable allowDeselect={false} label={t("source.left")} data={data} value={first.run.id} onChange={(id) => id && onChoose({ left: id })} />
        <Select searchable allowDeselect={false} label={t("source.right")} data={data} value={other.run.id} onChange={(id) => id && onChoose({ right: id })} />
      </div>
      <Scripts left={first} right={other} />
    </>
  );
}

function Scripts({ left, right }: { left: Compared; right: Compared }) {
  const { t } = useTranslation("runs");
  const found = useQueries({ queries: [runQuery(left.run.id), runQuery(right.run.id)] });
  const [a, b] = found.map(({ data }) => data?.script);
  const error = found.find((each) => each.error)?.error;
  if (a !== undefined && b !== undefined) return <DiffView left={a} right={b} label={t("source.diffOf", { left: left.run.name, right: right.run.name })} />;
  return error ? <ErrorFace error={error} onRetry={() => found.forEach(({ refetch }) => void refetch())} /> : <LoadingFace rows={8} />;
}
