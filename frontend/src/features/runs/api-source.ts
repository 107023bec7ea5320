import { queryOptions, useMutation } from "@tanstack/react-query";
import { api, csrf, unwrap } from "@/api/client";
import { ApiError, errorOf } from "@/api/problem";
import type { components } from "@/api/schema.gen";
import { useRunsChanged } from "./api-list";
import { isZip, type Chosen } from "./bundle-files";

export type Bundle = components["schemas"]["SourceBundle"];
export type BundleMade = components["schemas"]["SourceBundleMade"];
export type Provenance = components["schemas"]["Provenance"];

export const bundleQuery = (id: string) =>
  queryOptions({
    queryKey: ["source-bundles", id],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/source-bundles/{id}", { params: { path: { id } }, signal })),
    staleTime: Infinity,
  });

/** The text of one file of a bundle, as far as it is text and not too large. */
export const bundleTextQuery = (id: string, name: string) =>
  queryOptions({
    queryKey: ["source-bundles", id, "file", name],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/source-bundles/{id}/file", { params: { path: { id }, query: { name } }, signal })),
    staleTime: Infinity,
  });

/** Send a folder or an archive; the same content is the same bundle. */
export function useSendBundle() {
  return useMutation({
    mutationFn: async ({ project, chosen }: { project: string; chosen: Chosen | File }): Promise<BundleMade> => {
      const form = new FormData();
      form.append("project", project);
      if (chosen instanceof File) form.append("archive", chosen);
      else {
        form.append("paths", JSON.stringify(chosen.files.map(({ name }) => name)));
        for (const { file } of chosen.files) form.append("files", file);
      }
      // Not by the typed client: a form with files is the browser's own to write.
      const response = await fetch("/api/v1/source-bundles", { method: "POST", body: form, headers: csrf(), credentials: "same-origin" }).catch(() => {
        throw new ApiError({ status: 0, detail: "The server does not answer.", retryable: true });
      });
      if (!response.ok) throw await errorOf(response);
      return (await response.json()) as BundleMade;
    },
  });
}

export const archiveOf = (files: readonly File[]): File | undefined => (isZip(files) ? files[0] : undefined);

/** What a run was made of, and what is in the way of running it exactly again. */
export const provenanceQuery = (id: string) =>
  queryOptions({
    queryKey: ["runs", id, "provenance"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/runs/{id}/provenance", { params: { path: { id } }, signal })),
    staleTime: 0,
  });

export function useRepeatRun(id: string) {
  const changed = useRunsChanged();
  return useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/runs/{id}/repeat", { params: { path: { id } } })),
    onSuccess: changed,
  });
}
