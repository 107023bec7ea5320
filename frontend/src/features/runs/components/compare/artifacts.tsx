import { Switch } from "@mantine/core";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { DataTable } from "@/components/data-table/data-table";
import type { Column } from "@/components/data-table/columns";
import { ErrorFace, LoadingFace } from "@/components/faces";
import { bytes } from "@/lib/format";
import { SHOWN_BYTES_MOST, type Compared, type ComparedArtifact } from "../../api-compare";
import { artifactRows, kindOfFile, type ArtifactRow } from "../../artifacts";
import bar from "../compare.module.css";
import { FilePreview, useText } from "../file-preview";
import classes from "./artifacts.module.css";
import { DiffView } from "./diff-view";

interface Props {
  compared: readonly Compared[];
  colors: ReadonlyMap<string, string>;
  /** Name of the file that is looked at. */
  name: string | undefined;
  onName: (name: string | undefined) => void;
}

const keyOf = (row: ArtifactRow): string => row.name;
/** So many are looked at side by side. */
const SHOWN_MOST = 6;

/** The files of the runs: which have the same, and what is in one of them side by side. */
export function CompareArtifacts({ compared, colors, name, onName }: Props) {
  const { t } = useTranslation("runs");
  const rows = useMemo(() => artifactRows(compared), [compared]);
  const columns = useMemo<Column<ArtifactRow>[]>(
    () => [
      {
        key: "name",
        title: t("artifacts.name"),
        pinned: true,
        width: 240,
        cell: (row) => (
          <button type="button" className={classes.name} aria-pressed={row.name === name} onClick={() => onName(row.name === name ? undefined : row.name)} title={row.name}>
            {row.name}
          </button>
        ),
      },
      ...compared.map(({ run }, place) => ({
        key: run.id,
        title: run.name,
        mark: <span className={bar.swatch} style={{ background: colors.get(run.id) }} />,
        numeric: true,
        width: 130,
        grow: compared.length < 7,
        cell: (row: ArtifactRow) => <File row={row} place={place} />,
      })),
    ],
    [compared, colors, name, onName, t],
  );
  if (!rows.length) return <p className="soft">{t("artifacts.none")}</p>;
  const chosen = rows.find((row) => row.name === name);
  return (
    <>
      <p className="soft">{t("artifacts.help")}</p>
      <DataTable label={t("tab.files")} columns={columns} rows={rows} rowKey={keyOf} height={rows.length > 20 ? 420 : undefined} />
      {chosen ? <SideBySide key={chosen.name} row={chosen} compared={compared} colors={colors} /> : null}
    </>
  );
}

function File({ row, place }: { row: ArtifactRow; place: number }) {
  const { t } = useTranslation("runs");
  const file = row.files[place];
  if (!file) return <span className="soft">–</span>;
  const group = row.groups[place] ?? 0;
  return (
    <span className={row.differs ? classes.differs : undefined} title={`sha256:${file.sha256}`}>
      {bytes(file.size_bytes)} {row.differs ? <span className={classes.group}>{t("artifacts.group", { letter: String.fromCharCode(65 + (group % 26)) })}</span> : null}
    </span>
  );
}

function SideBySide({ row, compared, colors }: { row: ArtifactRow; compared: readonly Compared[]; colors: ReadonlyMap<string, string> }) {
  const { t } = useTranslation("runs");
  const [asDiff, setDiff] = useState(false);
  const there = compared.flatMap(({ run }, place) => {
    const file = row.files[place];
    return file ? [{ run, file }] : [];
  });
  const kind = kindOfFile(row.name);
  const [first, second] = there;
  const canDiff = kind !== "image" && kind !== "other" && first && second;
  return (
    <section aria-label={row.name} className={classes.shown}>
      <div className={bar.bar}>
        <h2>{row.name}</h2>
        {canDiff ? <Switch label={t("artifacts.diff", { left: first.run.name, right: second.run.name })} checked={asDiff} onChange={(event) => setDiff(event.currentTarget.checked)} /> : null}
        {there.length > SHOWN_MOST ? <span className="soft">{t("artifacts.first", { n: SHOWN_MOST })}</span> : null}
      </div>
      {asDiff && canDiff ? (
        <FileDiff left={first.file} right={second.file} label={t("source.diffOf", { left: first.run.name, right: second.run.name })} isJson={kind === "json"} />
      ) : (
        <div className={classes.grid}>
          {there.slice(0, SHOWN_MOST).map(({ run, file }) => (
            <div key={run.id} className={`surface ${classes.card}`}>
              <h3>
                <span className={bar.swatch} style={{ background: colors.get(run.id) }} aria-hidden /> {run.name}
              </h3>
              <FilePreview file={file} name={row.name} of={run.name} />
            </div>
          ))}
        </div>
      )}
    </section>
  );
}

function FileDiff({ left, right, label, isJson }: { left: ComparedArtifact; right: ComparedArtifact; label: string; isJson: boolean }) {
  const { t } = useTranslation("runs");
  const a = useText(left, isJson);
  const b = useText(right, isJson);
  const error = a.error ?? b.error;
  if (Math.max(left.size_bytes, right.size_bytes) > SHOWN_BYTES_MOST) return <p className="soft">{t("artifacts.tooLarge")}</p>;
  if (error) return <ErrorFace error={error} onRetry={() => [a, b].forEach(({ retry }) => retry())} />;
  if (a.text === undefined || b.text === undefined) return <LoadingFace rows={8} />;
  return <DiffView left={a.text} right={b.text} label={label} />;
}
