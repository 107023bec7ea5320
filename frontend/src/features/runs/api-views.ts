import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { components } from "@/api/schema.gen";

type Schemas = components["schemas"];
export type SavedView = Schemas["SavedView"];
type ViewFields = Pick<SavedView, "name" | "is_shared" | "is_default" | "document">;

const viewsKey = ["saved-views"] as const;
const MOST = 200;

/** One's own views and those that others share, of one project or of all. */
export const viewsQuery = (project: string | undefined) =>
  queryOptions({
    queryKey: [...viewsKey, project ?? ""],
    queryFn: async ({ signal }) => {
      const page = await unwrap(api.GET("/api/v1/saved-views", { params: { query: { ...(project ? { project } : {}), ordering: "name", page_size: MOST } }, signal }));
      return page.results;
    },
    staleTime: 30_000,
  });

function useViewsChanged(): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: viewsKey });
}

export function useSaveView() {
  const onSuccess = useViewsChanged();
  return useMutation({
    mutationFn: (body: ViewFields & { project: string }) => unwrap(api.POST("/api/v1/saved-views", { body })),
    onSuccess,
  });
}

export function useChangeView() {
  const onSuccess = useViewsChanged();
  return useMutation({
    mutationFn: ({ id, ...body }: Partial<ViewFields> & { id: string }) => unwrap(api.PATCH("/api/v1/saved-views/{id}", { params: { path: { id } }, body })),
    onSuccess,
  });
}

export function useDeleteView() {
  const onSuccess = useViewsChanged();
  return useMutation({
    mutationFn: (id: string) => unwrap(api.DELETE("/api/v1/saved-views/{id}", { params: { path: { id } } })),
    onSuccess,
  });
}
