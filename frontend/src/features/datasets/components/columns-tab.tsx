import { Anchor, Button, Group, Switch, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorDetails, Faces, LoadingFace } from "@/components/faces";
import { Reason } from "@/components/reason";
import { count } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { isOver } from "@/lib/states";
import { createProfile, keys, profileQuery, useWrite, type ColumnProfile, type Profile, type VersionDetail } from "../api";
import { CARD_HEIGHT } from "./column-card";
import { ColumnGrid } from "./column-grid";
import { ColumnPanel } from "./column-panel";
import { Follow } from "./follow";
import { JobState } from "./job-state";
import { WHOLE_TABLE, WholeTable } from "./whole-table";
import { SearchBox } from "@/components/search-box";

const route = getRouteApi("/dataset-versions/$versionId");

/** The strip of columns, and the statistics of the one that is open. */
export function ColumnsTab({ version }: { version: VersionDetail }) {
  const query = useQuery(profileQuery(version.id));
  return (
    <Faces query={query} loading={<LoadingFace height={2 * CARD_HEIGHT} />}>
      {({ profile, succeeded }) => <Strip version={version} profile={profile} known={succeeded ?? profile} />}
    </Faces>
  );
}

const NOTHING: ReadonlyMap<string, ColumnProfile> = new Map();

/** `known` is the newest profile that has statistics: they stay in sight while newer ones are taken. */
function Strip({ version, profile, known }: { version: VersionDetail; profile: Profile | null; known: Profile | null }) {
  const { t } = useTranslation("datasets");
  const { t: tProfile } = useTranslation("profile");
  const navigate = useNavigate();
  const { column: open } = route.useSearch();
  const [wanted, setWanted] = useState("");
  const [onlyFindings, setOnlyFindings] = useState(false);
  const result = known?.result;
  const isPending = profile !== null && profile !== known && !isOver(profile.state);
  const profiles = useMemo(() => (result ? new Map(result.columns.map((column) => [column.name, column])) : NOTHING), [result]);
  const withFindings = useMemo(() => [...profiles.values()].filter(({ findings }) => findings.length > 0).length, [profiles]);
  const columns = useMemo(() => {
    const needle = wanted.trim().toLowerCase();
    return version.schema.filter(({ name }) => name.toLowerCase().includes(needle) && (!onlyFindings || profiles.get(name)?.findings.length));
  }, [version.schema, wanted, onlyFindings, profiles]);
  const show = useMemo(
    () => (name: string | undefined) =>
      void navigate({ to: ".", search: (before) => ({ ...before, column: name }), replace: true, resetScroll: false }),
    [navigate],
  );
  const toggle = useMemo(() => (name: string) => show(name), [show]);
  const at = columns.findIndex(({ name }) => name === open);
  const neighbour = (index: number): (() => void) | undefined => {
    const next = columns[index];
    return at >= 0 && next ? () => show(next.name) : undefined;
  };
  const rows = result?.row_count ?? version.row_count;
  return (
    <>
      <Group gap="md" mb="md">
        <SearchBox label={t("column.search")} value={wanted} onChange={setWanted} />
        {withFindings ? (
          <Switch
            label={t("column.onlyFindings", { count: withFindings, n: count(withFindings) })}
            checked={onlyFindings}
            onChange={(event) => setOnlyFindings(event.currentTarget.checked)}
          />
        ) : null}
        <Text size="sm" className="soft" role="status">
          {columns.length === version.schema.length ? t("columns", { count: columns.length, n: count(columns.length) }) : t("column.some", { n: count(columns.length), total: count(version.schema.length) })}
        </Text>
        {result ? (
          <Anchor
            size="sm"
            component="button"
            type="button"
            onClick={() => {
              const part = document.getElementById(WHOLE_TABLE);
              part?.scrollIntoView();
              part?.focus({ preventScroll: true });
            }}
          >
            {tProfile("table.goTo")} ↓
          </Anchor>
        ) : null}
      </Group>
      <ProfileState version={version} profile={profile} />
      {result?.left_out.length ? (
        <Text size="sm" className="soft" mb="sm">
          {tProfile("column.leftOut", { names: result.left_out.join(", ") })}
        </Text>
      ) : null}
      {columns.length ? (
        <ColumnGrid columns={columns} profiles={profiles} rows={rows} open={open} onOpen={toggle} label={t("tab.columns")} />
      ) : (
        <Text className="soft">{t("column.noMatch")}</Text>
      )}
      {result ? <WholeTable version={version} result={result} isPending={isPending} /> : null}
      <ColumnPanel
        version={version}
        column={version.schema.find(({ name }) => name === open)}
        profile={open === undefined ? undefined : profiles.get(open)}
        rows={rows}
        onClose={() => show(undefined)}
        onBefore={neighbour(at - 1)}
        onAfter={neighbour(at + 1)}
      />
    </>
  );
}

/** Where the statistics are: nobody asked for them, they are under way, or they failed. */
function ProfileState({ version, profile }: { version: VersionDetail; profile: Profile | null }) {
  const { t } = useTranslation("datasets");
  const mayAsk = useHasRole("editor", version.project);
  const ask = useWrite(createProfile);
  if (profile?.state === "succeeded") return null;
  const isUnderWay = profile !== null && !isOver(profile.state);
  return (
    <Group gap="md" mb="md">
      {profile ? <JobState kind="profile" id={profile.id} state={profile.state} /> : <Text size="sm">{t("profile.none")}</Text>}
      {profile && !isUnderWay ? (
        <Text size="sm">
          <Reason reason={profile.state_reason} detail={profile.state_detail} message={profile.state_message} />
        </Text>
      ) : null}
      {isUnderWay ? <Follow subjects={[{ kind: "profile", id: profile.id, state: profile.state }]} refresh={[keys.version(version.id)]} /> : null}
      {!isUnderWay && mayAsk ? (
        <Button variant="default" loading={ask.isPending} onClick={() => ask.mutate({ version: version.id })}>
          {t("profile.verb")}
        </Button>
      ) : null}
      {ask.error ? <ErrorDetails error={ask.error} /> : null}
    </Group>
  );
}
