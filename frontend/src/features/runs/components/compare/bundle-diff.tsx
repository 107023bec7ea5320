import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ErrorFace, LoadingFace } from "@/components/faces";
import { bytes, count } from "@/lib/format";
import { bundleTextQuery } from "../../api-source";
import { byFolder, shortName, type ChangedFile, type changedFiles } from "../../bundle-diff";
import classes from "./bundle-diff.module.css";
import { DiffView } from "./diff-view";

/** The code of one run. */
export interface Side {
  /** Of the run. */
  name: string;
  /** Null: it is a script. */
  bundle: string | null;
  script: string | undefined;
}

interface Props {
  changed: ReturnType<typeof changedFiles>;
  left: Side;
  right: Side;
  path: string | undefined;
  onPath: (path: string | undefined) => void;
}

/** What is text by its name, among what is source. */
const TEXT = /\.(?:py|ipynb|md|txt|toml|cfg|ini|ya?ml|json|sh|r|jl|c|cc|cpp|h|cu|js|ts|sql)$/i;
const SIGN = { added: "+", removed: "−", changed: "±", mode: "x" } as const;

/** Which files differ, by folder, and what in the one that is chosen. */
export function BundleDiff({ changed, left, right, path, onPath }: Props) {
  const { t } = useTranslation("runs");
  const { files, same } = changed;
  // At first one with lines to compare.
  const chosen = files.find(({ name }) => name === path) ?? files.find(({ change, name }) => change === "changed" && TEXT.test(name)) ?? files[0];
  if (!chosen) return <p className="soft">{t("source.allSame")}</p>;
  const said = ({ change }: ChangedFile): string => t(`source.${change}`, { name: change === "added" ? right.name : left.name });
  return (
    <div className={classes.frame}>
      <nav className={`surface ${classes.files}`} aria-label={t("source.files")}>
        {byFolder(files).map((folder) => (
          <section key={folder.path}>
            {folder.path ? <h3 className={classes.folder}>{folder.path}/</h3> : null}
            <ul>
              {folder.files.map((file) => (
                <li key={file.name}>
                  <button type="button" className={classes.file} aria-current={file === chosen || undefined} title={`${file.name}: ${said(file)}`} onClick={() => onPath(file.name)}>
                    <span className={classes.sign} data-change={file.change} aria-hidden>
                      {SIGN[file.change]}
                    </span>
                    <span className="cut mono">{shortName(file.name)}</span>
                    <span className="visually-hidden">: {said(file)}</span>
                  </button>
                </li>
              ))}
            </ul>
          </section>
        ))}
        {same ? <p className={`soft ${classes.same}`}>{t("source.same", { count: same, n: count(same) })}</p> : null}
      </nav>
      <section className={classes.shown} aria-label={chosen.name}>
        <h2 className={classes.title}>
          <span className="mono">{chosen.name}</span> <span className="soft">{said(chosen)}</span>
        </h2>
        <FileDiff key={chosen.name} file={chosen} left={left} right={right} />
      </section>
    </div>
  );
}

function FileDiff({ file, left, right }: { file: ChangedFile; left: Side; right: Side }) {
  const { t } = useTranslation("runs");
  const before = useText(left, file.left?.name);
  const after = useText(right, file.right?.name);
  const failed = before.error ? before : after.error ? after : null;
  if (failed) return <ErrorFace error={failed.error} onRetry={failed.retry} />;
  if (before.isComing || after.isComing) return <LoadingFace rows={8} />;
  const sizes = { left: file.left ? bytes(file.left.size_bytes) : t("source.absent"), right: file.right ? bytes(file.right.size_bytes) : t("source.absent") };
  if (before.isBinary || after.isBinary) return <p className="soft">{t("source.binary", sizes)}</p>;
  if (before.text === undefined || after.text === undefined) return <p className="soft">{t("source.tooLarge", sizes)}</p>;
  return <DiffView left={before.text} right={after.text} label={t("source.diffOf", { left: left.name, right: right.name })} />;
}

/** The text of a file of one side; of one that it has not it is empty, and undefined where it is too large. */
function useText(side: Side, name: string | undefined) {
  const isAsked = name !== undefined && side.bundle !== null;
  const { data, error, refetch } = useQuery({ ...bundleTextQuery(side.bundle ?? "", name ?? ""), enabled: isAsked });
  const text = isAsked ? (data?.text ?? undefined) : name === undefined ? "" : (side.script ?? "");
  return { text, isBinary: isAsked && (data?.is_binary ?? false), isComing: isAsked && !data, error, retry: () => void refetch() };
}
