import { IconAlertTriangle, IconCircleCheck, IconCircleDashed, IconCircleX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { wordsOf } from "@/components/schema-form/schema";
import { mostly, said, toneOf } from "../logic/expectation";
import { expectationKindsQuery, siblingsQuery, type Expectation, type ExpectationKind, type Parameters, type Result, type Severity } from "../quality";
import classes from "./quality.module.css";

const ICONS = { succeeded: IconCircleCheck, failed: IconCircleX, waiting: IconAlertTriangle, cancelled: IconCircleDashed } as const;

export type Said = ReturnType<typeof useSaid>;

/** The names of kinds, and of what they say, in the reader's language. Datasets of the project are read where one of `all` names one. */
export function useSaid(project: string, all: readonly Pick<Expectation, "parameters">[]) {
  const { t, i18n } = useTranslation("quality");
  const kinds = useQuery(expectationKindsQuery).data;
  const datasets = useQuery({ ...siblingsQuery(project), enabled: all.some(({ parameters }) => Boolean(parameters.dataset)) }).data ?? [];
  const nameOf = (id: string): string => datasets.find((dataset) => dataset.id === id)?.name ?? id.slice(0, 8);
  return {
    kind: (kind: ExpectationKind): string => {
      // The space is kept while the titles are on their way.
      if (!kinds) return "\u00a0";
      const form = kinds.find((one) => one.kind === kind);
      return form ? wordsOf(form, i18n.language, kind).title : kind;
    },
    says: (kind: ExpectationKind, parameters: Parameters): string => {
      const share = mostly(parameters);
      const what = said(t, kind, parameters, nameOf);
      return share ? `${what}; ${t("said.mostly", { share })}` : what;
    },
  };
}

export function SeverityWord({ severity }: { severity: Severity }) {
  const { t } = useTranslation("quality");
  return (
    <span className={classes.severity} data-severity={severity}>
      {t(`severity.${severity}`)}
    </span>
  );
}

/** What became of an expectation, as colour, icon and word. */
export function OutcomeWord({ result }: { result: Pick<Result, "outcome" | "severity"> }) {
  const { t } = useTranslation("quality");
  const tone = toneOf(result);
  const Icon = ICONS[tone];
  return (
    <span className={classes.outcome} data-tone={tone}>
      <Icon size={14} aria-hidden />
      {t(`outcome.${result.outcome}`)}
    </span>
  );
}
