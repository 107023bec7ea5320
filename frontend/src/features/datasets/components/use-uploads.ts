import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { createIngestion, keys, type UnfinishedUpload } from "../api";
import { baseIn, type Base } from "../logic/append";
import { dropUpload, findUpload, persist, RESUMED_FROM_BYTES, sendResumed } from "../logic/tus";
import { Pace, sendSource, type Progress } from "../logic/upload";

/** A file on its way: sent, then asked to be parsed. */
export interface Upload {
  key: number;
  file: File;
  /** `waiting` for the network or the server: it goes on by itself. */
  state: "chosen" | "sending" | "waiting" | "paused" | "asking" | "asked" | "failed" | "cancelled";
  progress: Progress | null;
  /** Bytes a second. */
  rate: number | null;
  /** Seconds. */
  left: number | null;
  error: unknown;
  /** The ingestion, once it was asked for. */
  ingestion: string | null;
  /** What the server has of it, sent in pieces now or on an earlier day. */
  begun: Pick<UnfinishedUpload, "id" | "dataset" | "dataset_name" | "offset_bytes"> | null;
}

interface Ask {
  /** The dataset of a file; may make one. */
  datasetOf: (file: File) => Promise<string>;
  options: Record<string, unknown>;
  /** The version that those of its dataset begin with. */
  base: Base | null;
}

interface Current {
  key: number;
  controller: AbortController;
  /** Ends a pause. */
  goOn: (() => void) | null;
}

const fresh = (key: number, file: File): Upload => ({ key, file, state: "chosen", progress: null, rate: null, left: null, error: null, ingestion: null, begun: null });
const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";
export const isResumed = (file: File): boolean => file.size >= RESUMED_FROM_BYTES;

/**
 * Files one after the other, so that versions have the order of the list. Leaving the page stops what is on its way; of
 * a file that is sent in pieces the server keeps what it has, and the file goes on when it is chosen again.
 */
export function useUploads() {
  const client = useQueryClient();
  const [uploads, setUploads] = useState<readonly Upload[]>([]);
  const current = useRef<Current | null>(null);
  const cancelled = useRef(new Set<number>());
  const sources = useRef(new Map<number, string>());
  const begun = useRef(new Map<number, Upload["begun"]>());
  const next = useRef(0);
  const hasLeft = useRef(false);
  const patch = useCallback((key: number, change: Partial<Upload>) => setUploads((all) => all.map((each) => (each.key === key ? { ...each, ...change } : each))), []);
  useEffect(() => {
    hasLeft.current = false;
    return () => {
      hasLeft.current = true;
      current.current?.controller.abort();
      current.current?.goOn?.();
    };
  }, []);

  /** Adds files; gives the dataset of the first of them of which the server has a part. */
  const add = useCallback(
    async (files: readonly File[]): Promise<string | null> => {
      const added = files.map((file) => fresh(next.current++, file));
      setUploads((all) => [...all, ...added]);
      const found = await Promise.all(added.map(({ file }) => (isResumed(file) ? findUpload(file).catch(() => null) : Promise.resolve(null))));
      added.forEach(({ key, file }, index) => {
        const upload = found[index];
        if (!upload) return;
        begun.current.set(key, upload);
        patch(key, { begun: upload, progress: { sent: upload.offset_bytes, total: file.size } });
      });
      return found.find((upload) => upload)?.dataset ?? null;
    },
    [patch],
  );
  const remove = useCallback((key: number) => setUploads((all) => all.filter((each) => each.key !== key)), []);
  const drop = useCallback(
    async (key: number): Promise<void> => {
      const upload = begun.current.get(key);
      begun.current.delete(key);
      patch(key, { state: "cancelled", begun: null, progress: null });
      if (upload) await dropUpload(upload.id).catch(() => undefined); // what stays is forgotten after a day
      void client.invalidateQueries({ queryKey: keys.all });
    },
    [client, patch],
  );
  const cancel = useCallback((key: number) => {
    cancelled.current.add(key);
    if (current.current?.key !== key) return;
    current.current.controller.abort();
    current.current.goOn?.();
  }, []);
  const pause = useCallback((key: number) => {
    if (current.current?.key === key) current.current.controller.abort("pause");
  }, []);
  const resume = useCallback((key: number) => {
    if (current.current?.key === key) current.current.goOn?.();
  }, []);

  /** Sends one file, across pauses; gives its source. */
  const send = useCallback(
    async (key: number, file: File, dataset: string): Promise<string> => {
      const pace = new Pace();
      const onProgress = (progress: Progress): void => {
        pace.note(performance.now(), progress.sent);
        patch(key, { progress, rate: pace.rate(), left: pace.left(progress.total) });
      };
      for (;;) {
        const controller = new AbortController();
        current.current = { key, controller, goOn: null };
        if (hasLeft.current || cancelled.current.has(key)) throw new DOMException("cancelled", "AbortError");
        patch(key, { state: "sending", error: null });
        try {
          if (!isResumed(file)) return (await sendSource(dataset, file, onProgress, controller.signal)).id;
          const source = await sendResumed({
            upload: begun.current.get(key)?.id ?? null,
            dataset,
            file,
            onBegun: (id) => begun.current.set(key, { id, dataset, dataset_name: "", offset_bytes: 0 }),
            onProgress,
            onWaiting: (error) => patch(key, error ? { state: "waiting", error, rate: null, left: null } : { state: "sending", error: null }),
            signal: controller.signal,
          });
          begun.current.delete(key);
          return source;
        } catch (error) {
          if (!isAbort(error) || controller.signal.reason !== "pause") throw error;
          patch(key, { state: "paused", rate: null, left: null });
          await new Promise<void>((goOn) => (current.current = { key, controller, goOn }));
        }
      }
    },
    [patch],
  );

  const one = useCallback(
    async (upload: Upload, { datasetOf, options, base }: Ask): Promise<string | null> => {
      const { key, file } = upload;
      patch(key, { ...fresh(key, file), state: "sending", progress: upload.progress });
      try {
        const dataset = begun.current.get(key)?.dataset ?? (await datasetOf(file));
        const source = sources.current.get(key) ?? (await send(key, file, dataset));
        sources.current.set(key, source); // asked again, the file need not be sent again
        patch(key, { state: "asking", error: null });
        const once = crypto.randomUUID?.() ?? `${source}-${Date.now()}`;
        const ask = (): Promise<{ id: string }> => createIngestion({ dataset, source, options, append_to: baseIn(base, dataset) }, once);
        const controller = new AbortController();
        current.current = { key, controller, goOn: null };
        const ingestion = await persist(ask, (error) => patch(key, { state: "asking", error }), controller.signal);
        patch(key, { state: "asked", ingestion: ingestion.id, begun: null });
        return ingestion.id;
      } catch (error) {
        if (!isAbort(error)) patch(key, { state: "failed", error });
        else if (!hasLeft.current) await drop(key);
        return null;
      } finally {
        current.current = null;
        void client.invalidateQueries({ queryKey: keys.all });
      }
    },
    [client, drop, patch, send],
  );

  /** Sends all that were not sent yet; gives the ingestions that were asked for. */
  const start = useCallback(
    async (waiting: readonly Upload[], ask: Ask): Promise<string[]> => {
      const made: string[] = [];
      cancelled.current.clear();
      for (const upload of waiting) {
        if (hasLeft.current) break;
        if (cancelled.current.has(upload.key)) patch(upload.key, { state: "cancelled" });
        else made.push(...[await one(upload, ask)].filter((id) => id !== null));
      }
      return made;
    },
    [one, patch],
  );
  return { uploads, add, remove, cancel, pause, resume, start };
}
