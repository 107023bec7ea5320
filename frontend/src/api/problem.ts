import type { components } from "./schema.gen";

export type Problem = components["schemas"]["Problem"];

/** What the API said instead of an answer, or that it said nothing. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** Sentences by field, in the API's own words. */
  readonly fields: Readonly<Record<string, readonly string[]>>;

  constructor(problem: Partial<Problem> & { status: number }) {
    super(problem.detail ?? problem.title ?? `HTTP ${problem.status}`);
    this.name = "ApiError";
    this.status = problem.status;
    this.code = problem.code ?? (problem.status === 0 ? "unreachable" : "unknown");
    this.requestId = problem.request_id ?? "";
    this.retryable = problem.retryable ?? false;
    this.fields = problem.fields ?? {};
  }

  /** Nobody answered: the server is down, or there is no network. */
  get isUnreachable(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

/** The error of an answer that is not 2xx. Reads its body, whatever it is. */
export async function errorOf(response: Response): Promise<ApiError> {
  const requestId = response.headers.get("X-Request-ID") ?? "";
  try {
    const body = (await response.clone().json()) as Partial<Problem>;
    return new ApiError({ request_id: requestId, ...body, status: response.status });
  } catch {
    return new ApiError({ status: response.status, request_id: requestId });
  }
}
