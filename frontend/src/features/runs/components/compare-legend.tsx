import { ActionIcon } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Emphasis } from "@/components/emphasis";
import { StateBadge } from "@/components/state-badge";
import { dashOf, swatch } from "@/lib/series-colors";
import type { CompareRun } from "../api-compare";
import classes from "./compare.module.css";

interface Props {
  runs: readonly CompareRun[];
  colors: ReadonlyMap<string, string>;
  /** Absent where two are left: fewer cannot be compared. */
  onRemove: ((id: string) => void) | undefined;
  /** Who points at a run sees its curves stand out. */
  emphasis: Emphasis;
}

/** The runs that are compared, with their colours. */
export function CompareLegend({ runs, colors, onRemove, emphasis }: Props) {
  const { t } = useTranslation("runs");
  return (
    <ul className={classes.legend} aria-label={t("compare.runs")}>
      {runs.map((run, place) => (
        <li
          key={run.id}
          className={classes.entry}
          onPointerEnter={() => emphasis.set(run.id)}
          onPointerLeave={() => emphasis.set(null)}
          onFocus={() => emphasis.set(run.id)}
          onBlur={() => emphasis.set(null)}
        >
          <span className={classes.swatch} style={swatch(colors.get(run.id) ?? "", dashOf(place).length > 0)} aria-hidden />
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
