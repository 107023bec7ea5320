import { csrf } from "@/api/client";
import { ApiError, errorOf } from "@/api/problem";
import type { Source, UnfinishedUpload } from "../api";
import { refusal, type Progress } from "./upload";

/** From so many bytes on a file is sent in pieces and goes on where it broke off; below, one request is quicker. */
export const RESUMED_FROM_BYTES = 8 << 20;
const PIECE_BYTES = 32 << 20;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;
const UPLOADS = "/api/v1/uploads";
const SPEAKS = { "Tus-Resumable": "1.0.0" };

/** The mark by which a file that is chosen again is known: name, size and when it was changed. */
export const fingerprintOf = (file: Pick<File, "name" | "size" | "lastModified">): string => `${file.name.slice(-120)}-${file.size}-${file.lastModified}`;

/** A text as `Upload-Metadata` carries it: Base64 of UTF-8. */
export function metadata(values: Readonly<Record<string, string>>): string {
  const encode = (text: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  return Object.entries(values)
    .map(([key, text]) => `${key} ${encode(text)}`)
    .join(",");
}

/** How long to wait before the next try, in ms. */
export const waitBefore = (attempt: number): number => Math.min(FIRST_WAIT_MS * 2 ** attempt, LONGEST_WAIT_MS);

/** Whether the same may succeed later: the network, the server, another request that still writes. */
export const isPassing = (error: unknown): boolean => error instanceof ApiError && (error.isUnreachable || error.status >= 500 || error.status === 423 || error.status === 409 || error.status === 429 || error.code === "sender_gone");

/** Calls until it is answered: again after whatever passes. Rejects with what does not, and with an `AbortError`. */
export async function persist<T>(call: () => Promise<T>, onWaiting: (error: unknown) => void, signal: AbortSignal): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!isPassing(error)) throw error;
      onWaiting(error);
      await pause(waitBefore(attempt), signal);
    }
  }
}

/** Of an upload that began earlier with this file and is not finished: the newest that is this large. */
export async function findUpload(file: File, signal?: AbortSignal): Promise<UnfinishedUpload | null> {
  const query = new URLSearchParams({ fingerprint: fingerprintOf(file), state: "receiving", ordering: "-created_at" });
  const answer = await ask(`${UPLOADS}?${query.toString()}`, signal ? { signal } : {});
  const { results } = (await answer.json()) as { results: UnfinishedUpload[] };
  return results.find(({ size_bytes }) => size_bytes === file.size) ?? null;
}

/** Gives an upload up: what had arrived is removed. One that has ended already is no error. */
export async function dropUpload(id: string): Promise<void> {
  const answer = await fetch(`${UPLOADS}/${id}`, { method: "DELETE", credentials: "same-origin", headers: { ...csrf(), ...SPEAKS } });
  if (!answer.ok && answer.status !== 410 && answer.status !== 404) throw await errorOf(answer);
}

interface Sending {
  /** The upload to go on with; without one it begins. */
  upload: string | null;
  dataset: string;
  file: File;
  onBegun: (upload: string) => void;
  onProgress: (progress: Progress) => void;
  /** Told while there is nothing to do but wait for the network or the server; null once it goes on. */
  onWaiting: (error: unknown) => void;
  signal: AbortSignal;
}

/** Sends a file in pieces until all of it is a source. Goes on by itself after whatever passes; rejects with what does not, and with an `AbortError`. */
export async function sendResumed(sending: Sending): Promise<Source["id"]> {
  const { file, signal } = sending;
  let upload = sending.upload;
  for (let attempt = 0; ; attempt++) {
    try {
      upload ??= await begin(sending);
      for (let offset = await offsetOf(upload, signal); ; ) {
        sending.onWaiting(null);
        sending.onProgress({ sent: offset, total: file.size });
        const piece = file.slice(offset, offset + PIECE_BYTES);
        const from = offset;
        // An empty piece at the end asks for the source of an upload whose last answer was lost.
        offset = await patch(upload, from, piece, (sent) => sending.onProgress({ sent: from + sent, total: file.size }), signal);
        attempt = 0;
        if (offset >= file.size) return upload;
      }
    } catch (error) {
      if (error instanceof ApiError && (error.status === 410 || error.status === 404) && upload && upload === sending.upload) {
        upload = null; // it has expired since: from the beginning
        sending = { ...sending, upload: null };
        continue;
      }
      if (!isPassing(error)) throw error;
      sending.onWaiting(error);
      await pause(waitBefore(attempt), signal);
    }
  }
}

async function begin({ dataset, file, onBegun, signal }: Sending): Promise<string> {
  const headers = {
    ...SPEAKS,
    "Upload-Length": String(file.size),
    "Upload-Metadata": metadata({ filename: file.name, dataset, fingerprint: fingerprintOf(file) }),
  };
  const answer = await ask(UPLOADS, { method: "POST", headers, signal });
  const { id } = (await answer.json()) as { id: string };
  onBegun(id);
  return id;
}

async function offsetOf(upload: string, signal: AbortSignal): Promise<number> {
  const answer = await ask(`${UPLOADS}/${upload}`, { method: "HEAD", headers: SPEAKS, signal });
  return Number(answer.headers.get("Upload-Offset"));
}

async function ask(address: string, init: RequestInit): Promise<Response> {
  const headers = { Accept: "application/json", ...(init.method === "POST" ? csrf() : {}), ...init.headers };
  const answer = await fetch(address, { credentials: "same-origin", ...init, headers }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError({ status: 0, detail: "The server does not answer.", retryable: true });
  });
  if (!answer.ok) throw await errorOf(answer);
  return answer;
}

/** Sends one piece with its progress, which fetch does not tell; gives the offset after it. */
function patch(upload: string, offset: number, piece: Blob, onSent: (sent: number) => void, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PATCH", `${UPLOADS}/${upload}`);
    const headers = { ...csrf(), ...SPEAKS, Accept: "application/json", "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    const abort = (): void => request.abort();
    request.upload.onprogress = ({ loaded }) => onSent(loaded);
    request.onload = () => {
      if (request.status === 204) resolve(Number(request.getResponseHeader("Upload-Offset")));
      else reject(refusal(request.status, request.responseText));
    };
    request.onerror = () => reject(new ApiError({ status: 0, detail: "The server does not answer.", retryable: true }));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    request.onloadend = () => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort);
    if (signal.aborted) return reject(new DOMException("cancelled", "AbortError"));
    request.send(piece);
  });
}

/** Waits; less when the browser says that the network is back. Rejects when the signal says so. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      if (signal.aborted) reject(new DOMException("cancelled", "AbortError"));
      else resolve();
    };
    const timer = setTimeout(done, ms);
    window.addEventListener("online", done);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
