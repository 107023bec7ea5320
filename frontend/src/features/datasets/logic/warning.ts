import type { TFunction } from "i18next";
import { count } from "@/lib/format";
import type { StepReport } from "../api";
import type { Advice } from "../preview";

type Warning = StepReport["warnings"][number];

/** Advice that is a sentence without figures. */
const PLAIN = ["fitted_without_split", "not_served", "rows_dropped_not_served", "only_training_rows", "reads_label"] as const;
const SIDES = { training: "said.training", test: "said.test" } as const;

/** What a warning of a step says besides its column, in the reader's words; null where the report tells it in English only. */
export function warningSaid(t: TFunction<"datasets">, { code, column, params }: Warning): string | null {
  if (!params) return null;
  const text = (name: string): string => (typeof params[name] === "string" ? params[name] : "");
  const rows = { count: Number(params.rows), n: count(Number(params.rows)) };
  if (code === "all_missing") return t("said.allMissing");
  if (code === "not_served") return t("said.notServed");
  if (code === "fitted_without_split") return t("said.noSplit");
  if (code === "not_converted" || code === "none_before" || code === "no_time" || code === "rows_added") return t("said.rows", rows);
  if (code === "unseen_category") return t("said.unseen", rows);
  if (code === "zero_spread" && "most" in params) return t("said.most", { value: text("most") });
  if (code === "zero_spread") return "quartile" in params ? t("said.quartile", { quartile: text("quartile") }) : t("said.value", { value: text("value") });
  if (code !== "class_not_split" || !(text("side") in SIDES)) return null;
  const side = t(SIDES[text("side") as keyof typeof SIDES]);
  return column ? t("said.classSide", { ...rows, side, value: text("value") || t("cell.missing") }) : t("said.side", { ...rows, side });
}

/** What is to be known of a step, in the reader's words; null where the server tells it in English only. */
export function adviceSaid(t: TFunction<"datasets">, { code, params }: Advice): string | null {
  if (code === "fitted_before_split") return t("advice.fitted_before_split", { split: Number(params.split) });
  return (PLAIN as readonly string[]).includes(code) ? t(`advice.${code as (typeof PLAIN)[number]}`) : null;
}
