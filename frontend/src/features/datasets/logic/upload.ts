import { csrf } from "@/api/client";
import { ApiError, type Problem } from "@/api/problem";
import type { Source } from "../api";

export interface Progress {
  sent: number;
  total: number;
}

/** Sends a file with its progress, which fetch does not tell. Rejects with an `ApiError`, or with an `AbortError` once the signal says so. */
export function sendSource(dataset: string, file: File, onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<Source> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/v1/sources");
    for (const [name, value] of Object.entries(csrf())) request.setRequestHeader(name, value);
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = ({ loaded, total }) => onProgress({ sent: loaded, total });
    request.onload = () => {
      if (request.status === 201) resolve(JSON.parse(request.responseText) as Source);
      else reject(refusal(request.status, request.responseText));
    };
    request.onerror = () => reject(new ApiError({ status: 0, detail: "The server does not answer.", retryable: true }));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    if (signal.aborted) return reject(new DOMException("cancelled", "AbortError"));
    const form = new FormData();
    form.append("dataset", dataset);
    form.append("file", file);
    request.send(form);
  });
}

/** What an answer that is no source says. */
export function refusal(status: number, body: string): ApiError {
  try {
    return new ApiError({ ...(JSON.parse(body) as Partial<Problem>), status });
  } catch {
    return new ApiError({ status });
  }
}

/** Bytes a second and seconds that are left, from readings of the last few seconds. */
export class Pace {
  private readings: { at: number; sent: number }[] = [];

  /** `at` in ms. */
  note(at: number, sent: number): void {
    this.readings.push({ at, sent });
    this.readings = this.readings.filter((reading) => at - reading.at < 5_000);
  }

  /** Bytes a second; null until there are two readings. */
  rate(): number | null {
    const [first, last] = [this.readings[0], this.readings.at(-1)];
    if (!first || !last || last.at <= first.at) return null;
    return ((last.sent - first.sent) / (last.at - first.at)) * 1_000;
  }

  left(total: number): number | null {
    const rate = this.rate();
    const sent = this.readings.at(-1)?.sent ?? 0;
    return rate ? (total - sent) / rate : null;
  }
}

/** A dataset's name from a file's: small letters, figures and hyphens, at most 60. */
export function nameFrom(file: string): string {
  const stem = file.replace(/\.(csv|tsv|tab|jsonl|ndjson|parquet)$/i, "");
  const name = stem
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return name.slice(0, 60).replace(/-+$/, "");
}
