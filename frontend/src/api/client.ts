import createClient, { type Middleware } from "openapi-fetch";
import { ApiError, errorOf } from "./problem";
import type { paths } from "./schema.gen";

/** The value of a cookie, or "". */
export function cookie(name: string): string {
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

/** The header that Django wants of everything that writes. */
export const csrf = (): Record<string, string> => ({ "X-CSRFToken": cookie("bedplate_csrf") });

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

const middleware: Middleware = {
  onRequest({ request }) {
    if (!SAFE.has(request.method)) request.headers.set("X-CSRFToken", cookie("bedplate_csrf"));
    return request;
  },
  async onResponse({ response }) {
    if (!response.ok) throw await errorOf(response);
  },
  onError({ error }) {
    if (error instanceof ApiError || (error instanceof DOMException && error.name === "AbortError")) return error;
    return new ApiError({ status: 0, detail: "The server does not answer.", retryable: true });
  },
};

/** The REST API, typed by its OpenAPI document. Every call rejects with an `ApiError`; `unwrap` gives the answer itself. */
export const api = createClient<paths>({
  baseUrl: window.location.origin,
  credentials: "same-origin",
  // Lists of ids: `run=a&run=b`.
  querySerializer: { array: { style: "form", explode: true } },
});
api.use(middleware);

/** The answer of a call: `unwrap(api.GET("/api/v1/runs/{id}", …))`. */
export async function unwrap<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, response } = await call;
  if (data === undefined && response.status !== 204) throw await errorOf(response);
  return data as T;
}
