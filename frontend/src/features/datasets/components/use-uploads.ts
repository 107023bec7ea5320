import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { createIngestion, keys } from "../api";
import { Pace, sendSource, type Progress } from "../logic/upload";

/** A file on its way: sent, then asked to be parsed. */
export interface Upload {
  key: number;
  file: File;
  state: "chosen" | "sending" | "asking" | "asked" | "failed" | "cancelled";
  progress: Progress | null;
  /** Bytes a second. */
  rate: number | null;
  /** Seconds. */
  left: number | null;
  error: unknown;
  /** The ingestion, once it was asked for. */
  ingestion: string | null;
}

interface Ask {
  /** The dataset of a file; may make one. */
  datasetOf: (file: File) => Promise<string>;
  options: Record<string, unknown>;
}

const fresh = (key: number, file: File): Upload => ({ key, file, state: "chosen", progress: null, rate: null, left: null, error: null, ingestion: null });

/** Files one after the other, so that versions have the order of the list. Leaving the page cancels what is on its way. */
export function useUploads() {
  const client = useQueryClient();
  const [uploads, setUploads] = useState<readonly Upload[]>([]);
  const current = useRef<{ key: number; controller: AbortController } | null>(null);
  const cancelled = useRef(new Set<number>());
  const next = useRef(0);
  const patch = useCallback((key: number, change: Partial<Upload>) => setUploads((all) => all.map((each) => (each.key === key ? { ...each, ...change } : each))), []);
  useEffect(() => () => current.current?.controller.abort(), []);

  const add = useCallback((files: readonly File[]) => setUploads((all) => [...all, ...files.map((file) => fresh(next.current++, file))]), []);
  const remove = useCallback((key: number) => setUploads((all) => all.filter((each) => each.key !== key)), []);
  const cancel = useCallback((key: number) => {
    cancelled.current.add(key);
    if (current.current?.key === key) current.current.controller.abort();
  }, []);

  const one = useCallback(
    async (upload: Upload, { datasetOf, options }: Ask): Promise<string | null> => {
      const { key, file } = upload;
      const controller = new AbortController();
      const pace = new Pace();
      current.current = { key, controller };
      patch(key, { ...fresh(key, file), state: "sending" });
      try {
        const dataset = await datasetOf(file);
        const told = (progress: Progress): void => {
          pace.note(performance.now(), progress.sent);
          patch(key, { progress, rate: pace.rate(), left: pace.left(progress.total) });
        };
        const source = await sendSource(dataset, file, told, controller.signal);
        patch(key, { state: "asking" });
        const ingestion = await createIngestion({ dataset, source: source.id, options });
        patch(key, { state: "asked", ingestion: ingestion.id });
        return ingestion.id;
      } catch (error) {
        patch(key, error instanceof DOMException && error.name === "AbortError" ? { state: "cancelled" } : { state: "failed", error });
        return null;
      } finally {
        current.current = null;
        void client.invalidateQueries({ queryKey: keys.all });
      }
    },
    [client, patch],
  );

  /** Sends all that were not sent yet; gives the ingestions that were asked for. */
  const start = useCallback(
    async (waiting: readonly Upload[], ask: Ask): Promise<string[]> => {
      const made: string[] = [];
      cancelled.current.clear();
      for (const upload of waiting) {
        if (cancelled.current.has(upload.key)) patch(upload.key, { state: "cancelled" });
        else made.push(...[await one(upload, ask)].filter((id) => id !== null));
      }
      return made;
    },
    [one, patch],
  );
  return { uploads, add, remove, cancel, start };
}
