import { Button, Spoiler } from "@mantine/core";
import { IconFolder, IconFileZip } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState, type DragEvent } from "react";
import { useTranslation } from "react-i18next";
import { ErrorDetails } from "@/components/faces";
import { bytes, count } from "@/lib/format";
import { archiveOf, bundleQuery, useSendBundle, type BundleMade } from "../../api-source";
import { chosenOf, ofDrop, ofPicker, type Named } from "../../bundle-files";
import classes from "./source.module.css";

interface Props {
  projectId: string | undefined;
  bundle: string | null;
  onChange: (bundle: string) => void;
  error?: string | undefined;
}

/** A folder or a zip archive with the code, sent as soon as it is chosen; what was left out of it is said. */
export function SourceInput({ projectId, bundle, onChange, error }: Props) {
  const { t } = useTranslation("runs");
  const send = useSendBundle();
  const folder = useRef<HTMLInputElement>(null);
  const archive = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [skipped, setSkipped] = useState<string[]>([]);
  const off = projectId === undefined || send.isPending;

  const deliver = (files: readonly Named[]): void => {
    if (!projectId || !files.length) return;
    const zip = archiveOf(files.map(({ file }) => file));
    const chosen = chosenOf(files);
    setSkipped(zip ? [] : chosen.skipped);
    send.mutate({ project: projectId, chosen: zip ?? chosen }, { onSuccess: ({ id }) => onChange(id) });
  };
  const drag = (event: DragEvent): void => {
    if (off || ![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    setOver(true);
  };
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    if (off) return;
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
    void ofDrop(entries).then(deliver);
  };
  return (
    <div>
      <div className={classes.zone} data-over={over || undefined} data-path="bundle" onDragEnter={drag} onDragOver={drag} onDragLeave={() => setOver(false)} onDrop={drop}>
        <span>{t("submit.dropSource")}</span>
        <Button variant="default" leftSection={<IconFolder size={14} aria-hidden />} disabled={off} onClick={() => folder.current?.click()}>
          {t("submit.chooseFolder")}
        </Button>
        <Button variant="default" leftSection={<IconFileZip size={14} aria-hidden />} disabled={off} onClick={() => archive.current?.click()}>
          {t("submit.chooseZip")}
        </Button>
        <span className="soft">{t(projectId ? "submit.sourceHint" : "submit.sourceProject")}</span>
        <input
          ref={folder}
          type="file"
          multiple
          hidden
          aria-label={t("submit.chooseFolder")}
          {...{ webkitdirectory: "" }}
          onChange={(event) => {
            deliver(ofPicker([...(event.currentTarget.files ?? [])]));
            event.currentTarget.value = "";
          }}
        />
        <input
          ref={archive}
          type="file"
          hidden
          accept=".zip,application/zip"
          aria-label={t("submit.chooseZip")}
          onChange={(event) => {
            deliver([...(event.currentTarget.files ?? [])].map((file) => ({ name: file.name, file })));
            event.currentTarget.value = "";
          }}
        />
      </div>
      <div aria-live="polite">
        {send.isPending ? <p className="soft">{t("submit.sourceSending")}</p> : null}
        {!send.isPending && bundle ? <Sent bundle={bundle} made={send.data?.id === bundle ? send.data : undefined} skipped={skipped} /> : null}
      </div>
      {send.error ? <ErrorDetails error={send.error} /> : null}
      {error && !send.error ? (
        <p role="alert" className={classes.wrong}>
          {error}
        </p>
      ) : null}
    </div>
  );
}

/** What the bundle has, and what was left out of it. */
function Sent({ bundle, made, skipped }: { bundle: string; made: BundleMade | undefined; skipped: readonly string[] }) {
  const { t } = useTranslation("runs");
  const known = useQuery({ ...bundleQuery(bundle), enabled: made === undefined });
  const found = made ?? known.data;
  if (known.error) return <ErrorDetails error={known.error} />;
  if (!found) return <p className="soft">{t("submit.sourceSending")}</p>;
  const left = [...(made?.left_out ?? []), ...skipped.map((name) => ({ name, rule: "always" }))];
  const more = (made?.left_out_count ?? 0) - (made?.left_out.length ?? 0);
  return (
    <div className={classes.sent}>
      <p>
        {t(made && !made.is_new ? "submit.sourceKnown" : "submit.sourceSent", { n: found.file_count, count: found.file_count, size: bytes(found.size_bytes) })}{" "}
        <code>{found.sha256.slice(0, 12)}</code>
      </p>
      <Spoiler maxHeight={0} showLabel={t("submit.sourceFiles", { n: count(found.file_count) })} hideLabel={t("submit.sourceFewer")}>
        <ul className={classes.files}>
          {found.files.slice(0, 500).map(({ name, size_bytes: size }) => (
            <li key={name}>
              <code>{name}</code> <span className="soft">{bytes(size)}</span>
            </li>
          ))}
        </ul>
      </Spoiler>
      {left.length ? (
        <Spoiler maxHeight={0} showLabel={t("submit.leftOut", { n: count(left.length + more) })} hideLabel={t("submit.sourceFewer")}>
          <ul className={classes.files} aria-label={t("submit.leftOutLabel")}>
            {left.map(({ name, rule }) => (
              <li key={name}>
                <code>{name}</code> <span className="soft">{rule === "always" ? t("submit.leftOutAlways") : rule}</span>
              </li>
            ))}
          </ul>
        </Spoiler>
      ) : null}
    </div>
  );
}
