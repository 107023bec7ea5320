import { Autocomplete, Button, Group, Select, Stack } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { meQuery, useMe, type Project } from "@/api/me";
import { Ago } from "@/components/ago";
import { ConfirmDialog } from "@/components/confirm-dialog";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { EmptyState } from "@/components/empty-state";
import { ErrorDetails } from "@/components/faces";
import { useProject } from "@/lib/permissions";
import { useChooseProject } from "@/lib/search";
import { useLiveRefresh } from "@/live/use-live";
import { membersKey, membersQuery, peopleQuery, putMember, removeMember, type Member, type Role } from "../api";
import { RoleMatrix } from "./role-matrix";
import classes from "./access.module.css";

/** The members of the chosen project; without one, the projects to choose from. */
export function Members() {
  const project = useProject();
  return (
    <Stack gap={24}>
      {project ? <MembersOf key={project.id} project={project} /> : <Projects />}
      <RoleMatrix />
    </Stack>
  );
}

const projectKey = (project: Project): string => project.id;
const projectName = (project: Project): string => project.name;

function Projects() {
  const { t } = useTranslation("access");
  const { projects } = useMe();
  const choose = useChooseProject();
  const columns = useMemo<Column<Project>[]>(
    () => [
      {
        key: "name",
        title: t("project"),
        grow: true,
        cell: (project) => (
          <button type="button" className={classes.link} onClick={() => choose(project.name)}>
            {project.title || project.name}
          </button>
        ),
      },
      { key: "slug", title: t("name"), width: 200, cell: (project) => <span className="mono">{project.name}</span> },
      { key: "team", title: t("team"), width: 180, cell: (project) => project.team_name },
      { key: "organisation", title: t("organisation"), width: 180, cell: (project) => project.organisation_name },
      { key: "role", title: t("yourRole"), width: 140, cell: (project) => t(`role.${project.role}`) },
      { key: "created", title: t("created"), width: 140, cell: (project) => <Ago at={project.created_at} /> },
    ],
    [t, choose],
  );
  return (
    <section>
      <p className="soft">{t("chooseProject")}</p>
      <DataTable label={t("projects")} columns={columns} rows={projects} rowKey={projectKey} rowName={projectName} onOpen={(project) => choose(project.name)} empty={<EmptyState text={t("noProjects")} />} />
    </section>
  );
}

const memberKey = ({ user }: Member): string => user.id;
const memberName = ({ user }: Member): string => user.username;
const ROLES: readonly Role[] = ["viewer", "editor", "admin"];

function MembersOf({ project }: { project: Project }) {
  const { t } = useTranslation("access");
  const me = useMe();
  const client = useQueryClient();
  const members = useQuery(membersQuery(project.id));
  const [leaving, setLeaving] = useState<Member | null>(null);
  const isOwn = leaving?.user.id === me.id;
  const mayGrant = project.verbs.includes("grant_roles");
  const renew = async (): Promise<void> => {
    await Promise.all([client.invalidateQueries({ queryKey: membersKey(project.id) }), client.invalidateQueries({ queryKey: meQuery.queryKey })]);
  };
  useLiveRefresh(`project.${project.id}`, [membersKey(project.id)]);
  const change = useMutation({ mutationFn: ({ user, role }: { user: string; role: Role }) => putMember(project.id, user, role), onSuccess: renew });
  const { mutate } = change;
  const columns = useMemo<Column<Member>[]>(() => {
    const roleOf = ({ user, role }: Member) =>
      mayGrant ? (
        <Select
          aria-label={t("roleOf", { name: user.username })}
          data={ROLES.map((value) => ({ value, label: t(`role.${value}`) }))}
          value={role}
          onChange={(value) => value && value !== role && mutate({ user: user.id, role: value })}
          allowDeselect={false}
        />
      ) : (
        t(`role.${role}`)
      );
    return [
      { key: "username", title: t("name"), grow: true, cell: ({ user }) => <strong>{user.username}</strong> },
      { key: "full", title: t("fullName"), width: 220, cell: ({ user }) => user.full_name },
      { key: "role", title: t("roleTitle"), width: 180, cell: roleOf },
      { key: "since", title: t("since"), width: 140, cell: ({ since }) => <Ago at={since} /> },
      {
        key: "verbs",
        title: t("verbs"),
        untitled: true,
        width: 120,
        cell: (member) =>
          mayGrant || member.user.id === me.id ? (
            <Button size="compact-xs" variant="subtle" color="red" c="var(--failed)" onClick={() => setLeaving(member)}>
              {member.user.id === me.id ? t("leave") : t("remove")}
            </Button>
          ) : null,
      },
    ];
  }, [t, mayGrant, mutate, me.id]);
  return (
    <section aria-label={t("membersOf", { project: project.name })}>
      {mayGrant ? <AddMember project={project.id} onAdded={renew} /> : <p className="soft">{t("onlyAdmins")}</p>}
      {change.error ? <ErrorDetails error={change.error} /> : null}
      <DataTable label={t("membersOf", { project: project.name })} columns={columns} rows={members.data} rowKey={memberKey} rowName={memberName} error={members.error} onRetry={() => void members.refetch()} rowHeight={40} empty={<EmptyState text={t("noMembers")} />} />
      <ConfirmDialog
        opened={leaving !== null}
        onClose={() => setLeaving(null)}
        title={t(isOwn ? "leaveTitle" : "removeTitle", { name: leaving?.user.username ?? "", project: project.name })}
        verb={t(isOwn ? "leaveVerb" : "removeVerb")}
        onConfirm={async () => {
          if (leaving) await removeMember(project.id, leaving.user.id);
          await renew();
        }}
      >
        {t(isOwn ? "leaveEffect" : "removeEffect", { name: leaving?.user.username ?? "", project: project.name })}
      </ConfirmDialog>
    </section>
  );
}

function AddMember({ project, onAdded }: { project: string; onAdded: () => Promise<void> }) {
  const { t } = useTranslation("access");
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [wanted] = useDebouncedValue(name.trim(), 200);
  const people = useQuery(peopleQuery(wanted));
  const add = useMutation({
    mutationFn: () => putMember(project, name.trim(), role),
    onSuccess: async () => {
      setName("");
      await onAdded();
    },
  });
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim()) add.mutate();
      }}
    >
      <Group align="flex-end" gap="sm">
        <Autocomplete label={t("addName")} placeholder={t("addPlaceholder")} data={(people.data ?? []).map(({ username }) => username)} value={name} onChange={setName} size="xs" w={260} />
        <Select label={t("roleTitle")} data={ROLES.map((value) => ({ value, label: t(`role.${value}`) }))} value={role} onChange={(value) => value && setRole(value)} allowDeselect={false} w={160} />
        <Button type="submit" loading={add.isPending} disabled={!name.trim()}>
          {t("add")}
        </Button>
      </Group>
      {add.error ? <ErrorDetails error={add.error} /> : null}
    </form>
  );
}
