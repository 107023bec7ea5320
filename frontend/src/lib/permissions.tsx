import { useQuery, useQueryClient } from "@tanstack/react-query";
import { meQuery, useMe, type Project } from "@/api/me";
import { useProjectName } from "./search";

/** The project of the address, when there is one that the reader may see. */
export function useProject(): Project | undefined {
  const name = useProjectName();
  return useMe().projects.find((project) => project.name === name);
}

/** Whether the reader may see the project of the address, or it names none; undefined while the API is asked whether one has come. */
export function useProjectSeen(): boolean | undefined {
  const client = useQueryClient();
  const name = useProjectName();
  const seen = useProject() !== undefined || name === undefined;
  const again = useQuery({
    queryKey: ["project-seen", name],
    queryFn: () => client.fetchQuery({ ...meQuery, staleTime: 0 }).then(() => true),
    enabled: !seen,
    staleTime: 30_000,
    retry: false,
  });
  return seen || (again.isFetched ? false : undefined);
}

/** A project by its id, when the reader may see it. */
export function useProjectById(id: string | null | undefined): Project | undefined {
  return useMe().projects.find((project) => project.id === id);
}

const RANK = { viewer: 0, editor: 1, admin: 2 } as const;
export type Role = keyof typeof RANK;

/** Whether the reader has at least this role in the project (of the id), or in any project when none is named. */
export function useHasRole(role: Role, projectId?: string | null): boolean {
  const me = useMe();
  if (me.is_superuser) return true;
  return me.projects.some((project) => (!projectId || project.id === projectId) && RANK[project.role] >= RANK[role]);
}
