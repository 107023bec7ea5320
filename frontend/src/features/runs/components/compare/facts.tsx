import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { bytes, duration } from "@/lib/format";
import type { Compared } from "../../api-compare";
import { holdings } from "../../holdings";

/** What a run is beside its parameters and metrics, as facts by name. */
type Facts = Record<string, unknown>;

/** A digest as people tell it from others. */
const DIGEST = 12;

export function useAboutFacts(compared: readonly Compared[]): Facts[] {
  const { t } = useTranslation(["runs", "states"]);
  return useMemo(
    () =>
      compared.map(({ run }) => ({
        [t("column.experiment")]: run.experiment_name,
        [t("column.kind")]: t(`kind.${run.kind}`),
        [t("column.state")]: t(`run.${run.state}`, { ns: "states" }),
        [t("column.duration")]: run.started_at && run.ended_at ? duration((Date.parse(run.ended_at) - Date.parse(run.started_at)) / 1000) : undefined,
        [t("facts.asks")]: run.workload ? holdings([run.resources], t("cpu")) : undefined,
        [t("column.requested_by")]: run.requested_by_name,
      })),
    [compared, t],
  );
}

export function useSourceFacts(compared: readonly Compared[]): Facts[] {
  const { t } = useTranslation("runs");
  return useMemo(
    () =>
      compared.map(({ source }) => ({
        [t("tab.script")]: source.script_sha256.slice(0, DIGEST),
        [t("facts.bundle")]: source.bundle_sha256.slice(0, DIGEST),
        [t("facts.command")]: source.command.join(" "),
        [t("column.image")]: source.image,
        [t("environment.commit")]: source.git_commit,
      })),
    [compared, t],
  );
}

/** The version of each input by its name: `credit-risk v3`, or what the code said of it. */
export function inputFacts({ inputs }: Compared): Facts {
  return Object.fromEntries(
    inputs.map(({ name, dataset_name: dataset, dataset_version_number: number, reference, digest }) => [
      name,
      dataset ? `${dataset}${number === null ? "" : ` v${number}`}` : reference || digest,
    ]),
  );
}

export function useEnvironmentFacts(compared: readonly Compared[]): Facts[] {
  const { t } = useTranslation("runs");
  return useMemo(
    () =>
      compared.map(({ environment }) => {
        if (!environment) return {};
        const { python, platform, hostname, cpu_count: cpus, torch, gpus, driver } = environment;
        const names = [...new Set(gpus.map(({ name, memory_bytes: memory }) => `${name}, ${bytes(memory)}`))];
        return {
          Python: python,
          PyTorch: torch ? `${torch.version}${torch.cuda ? ` (CUDA ${torch.cuda})` : ""}` : undefined,
          GPU: gpus.length ? `${gpus.length} × ${names.join(" · ")}` : undefined,
          [t("environment.driver")]: driver,
          [t("environment.cpus")]: cpus,
          [t("environment.platform")]: platform,
          [t("environment.host")]: hostname,
        };
      }),
    [compared, t],
  );
}

export const packageFacts = ({ environment }: Compared): Facts => environment?.packages ?? {};
