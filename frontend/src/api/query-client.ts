import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError } from "./problem";
import { reachability } from "./reachability";

function note(error: unknown): void {
  if (!(error instanceof ApiError)) return;
  if (error.isUnreachable) reachability.lost();
  if (error.status === 401) signInAgain();
}

/** The session is over: the sign-in page, and back to where the reader was. */
export function signInAgain(): void {
  const here = window.location.pathname + window.location.search;
  window.location.assign(`/login?next=${encodeURIComponent(here)}`);
}

/** Whether to ask again: an answer of the client's own fault stays the same. */
function again(failures: number, error: Error): boolean {
  if (!(error instanceof ApiError)) return failures < 1;
  if (error.isUnreachable) return failures < 2;
  return error.retryable && failures < 2;
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: note, onSuccess: () => reachability.found() }),
  mutationCache: new MutationCache({ onError: note }),
  defaultOptions: {
    queries: {
      retry: again,
      retryDelay: (attempt) => Math.min(500 * 2 ** attempt, 5_000),
      // The live socket says when something changed; without it what is older than this is read again.
      staleTime: 15_000,
      refetchOnWindowFocus: true,
      networkMode: "always",
    },
    mutations: { retry: false, networkMode: "always" },
  },
});
