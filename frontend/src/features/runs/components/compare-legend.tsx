import { ActionIcon } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { StateBadge } from "@/components/state-badge";
import type { CompareRun } from "../api-compare";
import classes from "./compare.module.css";

interface Props {
  runs: readonly CompareRun[];
  colors: ReadonlyMap<string, string>;
  /** Absent where two are left: fewer cannot be compared. */
  onRemove: ((id: string) => void) | undefined;
}

/** The runs that are compared, with their colours. */
export function CompareLegend({ runs, colors, onRemove }: Props) {
  const { t } = useTranslation("runs");
  return (
    <ul className={classes.legend} aria-label={t("compare.runs")}>
      {runs.map((run) => (
        <li key={run.id} className={classes.entry}>
          <span className={classes.swatch} style={{ background: colors.get(run.id) }} aria-hidden />
          <Link to="/runs/$runId" params={{ runId: run.id }} className="cut" title={`${run.experiment_name} / ${run.name}`}>
            {run.name}
          </Link>
          <StateBadge noun="run" state={run.state} iconOnly />
          {onRemove ? (
            <ActionIcon size="xs" aria-label={t("compare.remove", { name: run.name })} onClick={() => onRemove(run.id)}>
              <IconX size={12} aria-hidden />
            </ActionIcon>
          ) : null}
        </li>
      ))}
    </ul>
  );
}
