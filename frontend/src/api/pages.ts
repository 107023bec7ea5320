import type { InfiniteData } from "@tanstack/react-query";

/** A page of a list. */
export interface Page<T> {
  next?: string | null | undefined;
  previous?: string | null | undefined;
  results: T[];
}

/** The cursor of the page after this one, for `getNextPageParam`. */
export function nextCursor(page: { next?: string | null | undefined }): string | undefined {
  if (!page.next) return undefined;
  return new URL(page.next, window.location.origin).searchParams.get("cursor") ?? undefined;
}

/** The rows of all pages that were fetched. */
export function rowsOf<T>(data: InfiniteData<Page<T>> | undefined): T[] {
  return data ? data.pages.flatMap((page) => page.results) : [];
}
