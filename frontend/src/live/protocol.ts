/** The words of `bedplate.live.1`, as `GET /api/v1/live/schema` describes them. Fields at their default are left out. */

export interface EventTold {
  kind: string;
  subject: string;
  cursor?: string;
  at?: string;
  project_id?: string | null;
  payload?: Record<string, unknown>;
}

export interface PointsTold {
  key: string;
  attempt: number;
  rank: number;
  steps: number[];
  /** NaN and infinities come as texts. */
  values: (number | "NaN" | "Infinity" | "-Infinity" | null)[];
  /** Unix seconds. */
  times: number[];
}

export interface LogsTold {
  attempt: string;
  rank: number;
  last_line: number;
  after: number;
}

export interface Update {
  type: "update";
  subject: string;
  cursor: string;
  events?: EventTold[];
  points?: PointsTold[];
  logs?: LogsTold[];
  points_missing?: boolean;
  logs_missing?: boolean;
}

export type ServerMessage =
  | Update
  | { type: "subscribed"; subject: string; cursor: string }
  | { type: "refused"; subject: string; detail: string }
  | { type: "unsubscribed"; subject: string }
  | { type: "gap"; cursor: string; subject?: string }
  | { type: "heartbeat"; cursor: string }
  | { type: "pong" }
  | { type: "error"; detail: string };
