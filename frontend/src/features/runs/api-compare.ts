import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { components } from "@/api/schema.gen";
import { runListKey } from "./api-list";
import { pictureType } from "./artifacts";
import type { ManyRead } from "./many-curves";
import type { MembersRead } from "./member-curves";

type Schemas = components["schemas"];
export type Compared = Schemas["ComparedRun"];
export type ComparedArtifact = Schemas["ComparedArtifact"];
export type Evaluation = Schemas["Evaluation"];
/** A run as a comparison has it. */
export type CompareRun = Schemas["RunRow"];

/** Runs side by side, in this order: one question for all of them. */
export const compareQuery = (ids: readonly string[]) =>
  queryOptions({
    queryKey: [...runListKey, "compare", ids],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/runs/compare", { params: { query: { run: [...ids] } }, signal })),
  });

/** Curves of many runs in one question. */
export const readMany: ManyRead = ({ runs, keys, ...asked }) =>
  unwrap(api.GET("/api/v1/runs/metrics", { params: { query: { run: [...runs], key: [...keys], ...asked } } }));

/** The same, member by member. */
export const readMembers: MembersRead = ({ runs, keys, ...asked }) =>
  unwrap(api.GET("/api/v1/runs/member-metrics", { params: { query: { run: [...runs], key: [...keys], ...asked } } }));

/** What people may look at in a page; beyond that they save it. */
export const SHOWN_BYTES_MOST = 512 * 1024;

type File = Pick<ComparedArtifact, "id" | "sha256">;

async function contentOf({ id }: File, signal: AbortSignal): Promise<Blob> {
  const blob: Blob = await unwrap(api.GET("/api/v1/artifacts/{id}/download", { params: { path: { id } }, parseAs: "blob", signal }));
  return blob;
}

/** The text of an artifact. */
export const textQuery = (file: File) =>
  queryOptions({
    queryKey: ["artifact-text", file.sha256, file.id],
    queryFn: async ({ signal }) => (await contentOf(file, signal)).text(),
    staleTime: Infinity,
  });

/** An artifact that is a picture, as an address that the page's policy allows. */
export const pictureQuery = (file: File, name: string) =>
  queryOptions({
    queryKey: ["artifact-picture", file.sha256, file.id],
    queryFn: async ({ signal }) => addressOf(new Blob([await contentOf(file, signal)], { type: pictureType(name) })),
    staleTime: Infinity,
  });

function addressOf(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(typeof reader.result === "string" ? reader.result : ""));
    reader.addEventListener("error", () => reject(reader.error ?? new Error("unreadable")));
    reader.readAsDataURL(blob);
  });
}
