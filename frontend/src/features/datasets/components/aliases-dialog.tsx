import { ActionIcon, Button, Group, Stack, Text, TextInput, Tooltip } from "@mantine/core";
import { IconArrowMoveRight, IconHistory, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState, type FormEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { CopyButton } from "@/components/copy-button";
import { Dialog } from "@/components/dialog";
import { ErrorDetails, Faces, LoadingFace } from "@/components/faces";
import { useHasRole } from "@/lib/permissions";
import { useWrite, type Version } from "../api";
import { aliasEffect, aliasProblem, referenceOf } from "../logic/reference";
import { aliasesQuery, aliasMovesQuery, removeAlias, setAlias, type Alias } from "../versions-api";
import classes from "./aliases-dialog.module.css";

type Named = Pick<Version, "id" | "number" | "state" | "project" | "project_name" | "dataset" | "dataset_name">;

/** What the reader is asked to confirm. */
interface Asked {
  verb: "move" | "remove";
  alias: Alias;
}

/** The aliases of a dataset as seen from one version: which name it, which could, and where each pointed. */
export function AliasesDialog({ version, onClose }: { version: Named; onClose: () => void }) {
  const { t } = useTranslation("versions");
  const [asked, setAsked] = useState<Asked | null>(null);
  return (
    <>
      <Dialog onClose={onClose} title={t("aliases.title", { name: version.dataset_name, number: version.number })} size="lg" closeOnEscape={asked === null}>
        <Faces query={useQuery(aliasesQuery(version.dataset))} loading={<LoadingFace height={140} />}>
          {(aliases) => <Shown version={version} aliases={aliases} onAsk={setAsked} />}
        </Faces>
      </Dialog>
      <Confirm version={version} asked={asked} onClose={() => setAsked(null)} />
    </>
  );
}

function Confirm({ version, asked, onClose }: { version: Named; asked: Asked | null; onClose: () => void }) {
  const { t } = useTranslation("versions");
  const move = useWrite(setAlias);
  const remove = useWrite(removeAlias);
  if (!asked) return null;
  const { name, number: before, id } = asked.alias;
  const { number } = version;
  const said = { name, reference: referenceOf(version, name) };
  if (asked.verb === "move") {
    return (
      <ConfirmDialog opened onClose={onClose} title={t("aliases.moveAsk", { ...said, before, number })} verb={t("aliases.move", { number })} danger={false} onConfirm={() => move.mutateAsync({ dataset: version.dataset, name, version: version.id })}>
        {t("aliases.moveEffect", { ...said, before, number })}
      </ConfirmDialog>
    );
  }
  return (
    <ConfirmDialog opened onClose={onClose} title={t("aliases.removeAsk", { ...said, dataset: version.dataset_name })} verb={t("aliases.remove")} onConfirm={() => remove.mutateAsync(id)}>
      {t("aliases.removeEffect", { ...said, number: before })}
    </ConfirmDialog>
  );
}

function Shown({ version, aliases, onAsk }: { version: Named; aliases: readonly Alias[]; onAsk: (asked: Asked) => void }) {
  const { t } = useTranslation("versions");
  const isEditor = useHasRole("editor", version.project);
  const mayPoint = isEditor && version.state === "published";
  return (
    <Stack gap="md">
      <Text className="soft">{t("aliases.lead")}</Text>
      {aliases.length ? (
        <ul className={classes.list}>
          {aliases.map((alias) => (
            <One key={alias.id} alias={alias} version={version} mayPoint={mayPoint} mayRemove={isEditor} onAsk={onAsk} />
          ))}
        </ul>
      ) : (
        <Text>{t("aliases.none", { name: version.dataset_name })}</Text>
      )}
      {mayPoint ? <New version={version} aliases={aliases} /> : <Text size="sm" className="soft">{t(isEditor ? "aliases.notPublished" : "aliases.mayNot")}</Text>}
    </Stack>
  );
}

interface OneProps {
  alias: Alias;
  version: Named;
  mayPoint: boolean;
  mayRemove: boolean;
  onAsk: (asked: Asked) => void;
}

function One({ alias, version, mayPoint, mayRemove, onAsk }: OneProps) {
  const { t } = useTranslation("versions");
  const [history, setHistory] = useState(false);
  const { name, number } = alias;
  const isHere = alias.version === version.id;
  const reference = referenceOf(version, name);
  return (
    <li className={classes.one} data-here={isHere || undefined}>
      <div className={classes.head}>
        <strong>{name}</strong>
        <span className={classes.points}>
          {isHere ? (
            t("aliases.here")
          ) : (
            <Link to="/dataset-versions/$versionId" params={{ versionId: alias.version }}>
              {t("aliases.at", { number })}
            </Link>
          )}
          <span className="soft">
            {alias.moved_by_name ? `${alias.moved_by_name} · ` : ""}
            <Ago at={alias.moved_at} />
          </span>
        </span>
        <CopyButton text={reference} label={t("reference.copyOf", { reference })} />
        <Verb label={t("aliases.historyOf", { name })} isPressed={history} onClick={() => setHistory(!history)}>
          <IconHistory size={15} aria-hidden />
        </Verb>
        {mayPoint && !isHere ? (
          <Verb label={t("aliases.moveOf", { name, number: version.number })} onClick={() => onAsk({ verb: "move", alias })}>
            <IconArrowMoveRight size={15} aria-hidden />
          </Verb>
        ) : null}
        {mayRemove ? (
          <Verb label={t("aliases.removeOf", { name })} onClick={() => onAsk({ verb: "remove", alias })}>
            <IconTrash size={15} aria-hidden />
          </Verb>
        ) : null}
      </div>
      {history ? <Moves alias={alias} /> : null}
    </li>
  );
}

interface VerbProps {
  label: string;
  onClick: () => void;
  isPressed?: boolean;
  children: ReactNode;
}

function Verb({ label, onClick, isPressed, children }: VerbProps) {
  return (
    <Tooltip label={label}>
      <ActionIcon aria-label={label} aria-expanded={isPressed} onClick={onClick}>
        {children}
      </ActionIcon>
    </Tooltip>
  );
}

function Moves({ alias }: { alias: Alias }) {
  const { t } = useTranslation("versions");
  return (
    <Faces query={useQuery(aliasMovesQuery(alias.dataset, alias.id))} loading={<LoadingFace height={44} />}>
      {(moves) => (
        <ol className={classes.moves} aria-label={t("aliases.historyOf", { name: alias.name })}>
          {moves.map((move) => (
            <li key={move.at}>
              <Link to="/dataset-versions/$versionId" params={{ versionId: move.version }}>
                {move.number_before === null ? t("aliases.began", { number: move.number }) : t("aliases.moved", { before: move.number_before, number: move.number })}
              </Link>
              <span className="soft">
                {move.by ? `${move.by} · ` : ""}
                <Ago at={move.at} />
              </span>
            </li>
          ))}
        </ol>
      )}
    </Faces>
  );
}

/** A name of one's own choice. One that is there moves, which is said before. */
function New({ version, aliases }: { version: Named; aliases: readonly Alias[] }) {
  const { t } = useTranslation("versions");
  const [name, setName] = useState("");
  const write = useWrite(setAlias);
  const problem = name === "" ? null : aliasProblem(name);
  const effect = aliasEffect(aliases, name, version.id);
  const send = (event: FormEvent): void => {
    event.preventDefault();
    if (name === "" || problem || effect.kind === "same") return;
    write.mutate({ dataset: version.dataset, name, version: version.id }, { onSuccess: () => setName("") });
  };
  const before = effect.kind === "moves" ? effect.alias.number : undefined;
  const said = name === "" || problem ? t("aliases.nameHint") : effect.kind === "moves" ? t("aliases.moveEffect", { reference: referenceOf(version, name), number: version.number, before }) : effect.kind === "same" ? t("aliases.sameEffect") : t("aliases.newEffect", { reference: referenceOf(version, name), number: version.number });
  return (
    <form onSubmit={send}>
      <Group gap="sm" align="flex-end">
        <TextInput label={t("aliases.name")} placeholder="gold" value={name} onChange={(event) => setName(event.currentTarget.value)} maxLength={60} spellCheck={false} autoComplete="off" w={240} error={problem ? t(`aliases.problem.${problem}`) : undefined} />
        <Button type="submit" variant="default" loading={write.isPending} disabled={name === "" || problem !== null || effect.kind === "same"}>
          {effect.kind === "moves" ? t("aliases.move", { number: version.number }) : t("aliases.set", { number: version.number })}
        </Button>
      </Group>
      <Text size="sm" className="soft" mt={6} aria-live="polite">
        {said}
      </Text>
      {write.error ? <ErrorDetails error={write.error} /> : null}
    </form>
  );
}
