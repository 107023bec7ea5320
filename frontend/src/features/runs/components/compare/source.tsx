import { Select } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ErrorFace, LoadingFace } from "@/components/faces";
import { runQuery } from "../../api";
import type { Compared } from "../../api-compare";
import { bundleQuery } from "../../api-source";
import { changedFiles, type SourceFile } from "../../bundle-diff";
import bar from "../compare.module.css";
import { BundleDiff } from "./bundle-diff";
import { DiffView } from "./diff-view";

interface Props {
  compared: readonly Compared[];
  left: string | undefined;
  right: string | undefined;
  /** The file that is looked at. */
  path: string | undefined;
  onChoose: (part: { left?: string; right?: string; path?: string | undefined }) => void;
}

const codeOf = ({ source }: Compared): string => source.bundle_sha256 || source.script_sha256;

/** The code of two of the runs: scripts line by line, of source bundles which files differ and what in one of them. */
export function CompareSource({ compared, left, right, path, onChoose }: Props) {
  const { t } = useTranslation("runs");
  const coded = compared.filter((each) => codeOf(each));
  const first = coded.find(({ run }) => run.id === left) ?? coded[0];
  // At first two that differ.
  const other =
    coded.find(({ run }) => run.id === right) ?? coded.find((each) => each !== first && first && codeOf(each) !== codeOf(first)) ?? coded.find((each) => each !== first);
  if (!first || !other) return <p className="soft">{t("source.none")}</p>;
  const data = coded.map(({ run }) => ({ value: run.id, label: `${run.experiment_name} / ${run.name}` }));
  const isBundled = first.source.bundle ?? other.source.bundle;
  return (
    <>
      <div className={bar.bar}>
        <Select searchable allowDeselect={false} label={t("source.left")} data={data} value={first.run.id} onChange={(id) => id && onChoose({ left: id })} />
        <Select searchable allowDeselect={false} label={t("source.right")} data={data} value={other.run.id} onChange={(id) => id && onChoose({ right: id })} />
      </div>
      {isBundled ? (
        <Bundles key={`${first.run.id} ${other.run.id}`} left={first} right={other} path={path} onPath={(next) => onChoose({ path: next })} />
      ) : (
        <Scripts left={first} right={other} />
      )}
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

/** The name under which a job finds a script. */
const SCRIPT = "train.py";

interface BundlesProps {
  left: Compared;
  right: Compared;
  path: string | undefined;
  onPath: (path: string | undefined) => void;
}

/** Folders of code; a script counts as a folder with one file. */
function Bundles({ left, right, path, onPath }: BundlesProps) {
  const sides = [left, right];
  const bundles = useQueries({ queries: sides.map(({ source }) => ({ ...bundleQuery(source.bundle ?? ""), enabled: source.bundle !== null })) });
  const scripts = useQueries({ queries: sides.map(({ run, source }) => ({ ...runQuery(run.id), enabled: source.bundle === null })) });
  const files = sides.map(({ source }, at): readonly SourceFile[] | undefined => {
    if (source.bundle) return bundles[at]?.data?.files;
    const script = scripts[at]?.data?.script;
    return script === undefined ? undefined : [{ name: SCRIPT, size_bytes: new Blob([script]).size, sha256: source.script_sha256, is_executable: false }];
  });
  const [a, b] = files;
  const changed = a && b ? changedFiles(a, b) : undefined;
  const failed = [...bundles, ...scripts].find(({ error }) => error);
  if (failed) return <ErrorFace error={failed.error} onRetry={() => void failed.refetch()} />;
  if (!changed) return <LoadingFace rows={8} />;
  const side = (at: 0 | 1) => ({ name: sides[at]!.run.name, bundle: sides[at]!.source.bundle, script: scripts[at]?.data?.script });
  return <BundleDiff changed={changed} left={side(0)} right={side(1)} path={path} onPath={onPath} />;
}
