import { Switch } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconChevronDown, IconChevronRight, IconInfoCircle } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { count, NONE, percent, value } from "@/lib/format";
import type { ColumnDrift, Drift } from "../api";
import { along, farthest, indexOf, outline, shares } from "../logic/drift";
import { edgeFormat, figure } from "../logic/show";
import { LeftOut } from "./left-out";
import classes from "./drift-view.module.css";

const ICONS = { large: IconAlertTriangle, small: IconInfoCircle, none: IconCheck };
const FIRST_STEADY = 40;

/** How far one version is from another, column by column: the farthest first, each with both distributions. */
export function DriftView({ drift }: { drift: Drift }) {
  const { t } = useTranslation("profile");
  const { summary, method } = drift;
  const shifted = summary.small + summary.large;
  const [onlyShifted, setOnlyShifted] = useState(shifted > 0);
  const columns = useMemo(() => farthest(drift.columns).filter(({ level }) => !onlyShifted || level !== "none"), [drift, onlyShifted]);
  const shown = columns.slice(0, Math.max(shifted, FIRST_STEADY));
  return (
    <section aria-label={t("drift.title")}>
      <div className={classes.head}>
        <p className={classes.summary}>
          {shifted ? t("drift.summary", { large: count(summary.large), small: count(summary.small), n: count(summary.compared) }) : t("drift.calm", { n: count(summary.compared) })}
        </p>
        <Legend />
        {shifted ? <Switch size="xs" label={t("drift.onlyShifted")} checked={onlyShifted} onChange={(event) => setOnlyShifted(event.currentTarget.checked)} /> : null}
      </div>
      {shown.length ? (
        <ul className={classes.columns}>
          {shown.map((column) => (
            <Line key={column.name} column={column} method={method} />
          ))}
        </ul>
      ) : (
        <p className="soft">{t("drift.none")}</p>
      )}
      <LeftOut title={t("drift.leftOut")} columns={drift.left_out.map(({ name, reason }) => ({ name, why: t(`drift.reason.${reason}`) }))} />
      <p className={classes.note}>{t("drift.method", { bins: method.bins, small: value(method.psi_small), large: value(method.psi_large), p: percent(method.p_value) })}</p>
    </section>
  );
}

function Legend() {
  const { t } = useTranslation("profile");
  return (
    <span className={classes.legend}>
      <span className={classes.before} aria-hidden /> {t("drift.before")}
      <span className={classes.after} aria-hidden /> {t("drift.after")}
    </span>
  );
}

function Line({ column, method }: { column: ColumnDrift; method: Drift["method"] }) {
  const { t } = useTranslation("profile");
  const [open, setOpen] = useState(false);
  const Icon = ICONS[column.level];
  const Chevron = open ? IconChevronDown : IconChevronRight;
  const index = indexOf(column);
  return (
    <li className={classes.column} data-level={column.level}>
      <button type="button" className={classes.line} aria-expanded={open} onClick={() => setOpen(!open)}>
        <Chevron size={14} aria-hidden className={classes.chevron} />
        <strong className="cut" title={column.name}>
          {column.name}
        </strong>
        <span className={classes.level}>
          <Icon size={14} aria-hidden /> {t(`drift.level.${column.level}`)}
        </span>
        <span className={classes.psi} title={t("drift.psiOf", { psi: value(index, 3) })}>
          <span className={classes.figure}>{t("drift.psi")} {column.psi === null && column.missing.psi === null ? NONE : value(index, 2)}</span>
          <span className={classes.meter} aria-hidden>
            <span style={{ width: `${along(index, method) * 100}%` }} />
            <i style={{ left: `${along(method.psi_small, method) * 100}%` }} />
            <i style={{ left: `${along(method.psi_large, method) * 100}%` }} />
          </span>
        </span>
        <span className={classes.small}>
          <Both column={column} width={160} height={30} />
        </span>
        <span className={`${classes.missing} cut`}>{missingSaid(column) ? t("drift.missing", missingSaid(column) ?? { before: "", after: "" }) : ""}</span>
      </button>
      {open ? <Detail column={column} /> : null}
    </li>
  );
}

/** What is missing on both sides, where it is not nearly the same. */
function missingSaid({ missing }: ColumnDrift): { before: string; after: string } | null {
  const [before, after] = [missing.reference ?? 0, missing.current ?? 0];
  return Math.abs(before - after) < 0.001 ? null : { before: percent(before), after: percent(after) };
}

function heightsOf(column: ColumnDrift): { before: number[]; after: number[]; most: number } | null {
  const { overlay, categories } = column;
  const values = categories?.values ?? [];
  const before = shares(overlay ? overlay.reference : values.map((each) => each.reference));
  const after = shares(overlay ? overlay.current : values.map((each) => each.current));
  const most = Math.max(0, ...before, ...after);
  return most > 0 ? { before, after, most } : null;
}

/** Both distributions over one another: the one before filled, the one after as a line. */
function Both({ column, width, height }: { column: ColumnDrift; width: number; height: number }) {
  const heights = heightsOf(column);
  if (!heights) return null;
  return (
    <svg viewBox={`0 0 ${width} ${height}`} width="100%" height={height} preserveAspectRatio="none" className={classes.both} aria-hidden>
      <path d={outline(heights.before, heights.most, width, height)} className={classes.areaBefore} />
      <path d={outline(heights.after, heights.most, width, height)} className={classes.areaAfter} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}

function Detail({ column }: { column: ColumnDrift }) {
  const { t } = useTranslation("profile");
  const { ks, categories, missing } = column;
  const said = [
    t(`drift.by.${column.compared_by}`),
    column.psi === null ? t("drift.empty") : t("drift.psiOf", { psi: value(column.psi, 3) }),
    ks ? t("drift.ks", { statistic: value(ks.statistic, 3), p: probability(ks.p_value) }) : "",
    categories?.chi_square ? t("drift.chi", { statistic: value(categories.chi_square.statistic, 4), degrees: categories.chi_square.degrees, p: probability(column.p_value ?? 1) }) : "",
    categories && categories.distance !== null ? t("drift.js", { distance: value(categories.distance, 3) }) : "",
    t("drift.missing", { before: percent(missing.reference ?? 0), after: percent(missing.current ?? 0) }),
    categories?.new.count ? t("drift.new", { count: categories.new.count, n: count(categories.new.count) }) : "",
    categories?.vanished.count ? t("drift.vanished", { count: categories.vanished.count, n: count(categories.vanished.count) }) : "",
  ].filter(Boolean);
  return (
    <div className={classes.detail}>
      <p className={classes.said}>{said.join(" · ")}</p>
      {column.overlay ? <Overlay column={column} /> : null}
      {categories ? <Categories categories={categories} type={column.type} /> : null}
    </div>
  );
}

/** `0.012`, or `< 0.001`. */
const probability = (p: number): string => (p < 0.001 ? "< 0.001" : value(p, 2));

function Overlay({ column }: { column: ColumnDrift }) {
  const { t } = useTranslation("profile");
  const { overlay } = column;
  if (!overlay) return null;
  const isLength = column.compared_by === "length";
  const format = edgeFormat(isLength ? "int64" : column.type, overlay.edges);
  const [before, after] = [shares(overlay.reference), shares(overlay.current)];
  const middle = overlay.edges[Math.floor(overlay.edges.length / 2)] ?? 0;
  return (
    <div role="img" aria-label={t("drift.label", { name: column.name })} className={classes.large}>
      <Both column={column} width={600} height={150} />
      <div className={classes.catch}>
        {before.map((share, index) => (
          <span
            key={index}
            title={`${format(overlay.edges[index] ?? 0)} – ${format(overlay.edges[index + 1] ?? overlay.edges[index] ?? 0)}\n${t("drift.before")}: ${percent(share)}\n${t("drift.after")}: ${percent(after[index] ?? 0)}`}
          />
        ))}
      </div>
      <div className={classes.axis} aria-hidden>
        <span>{format(overlay.edges[0] ?? 0)}</span>
        {overlay.edges.length > 2 ? <span>{format(middle)}</span> : null}
        <span>{format(overlay.edges.at(-1) ?? 0)}</span>
      </div>
    </div>
  );
}

function Categories({ categories, type }: { categories: NonNullable<ColumnDrift["categories"]>; type: string }) {
  const { t } = useTranslation("profile");
  const { t: tData } = useTranslation("datasets");
  const [before, after] = [shares(categories.values.map((each) => each.reference)), shares(categories.values.map((each) => each.current))];
  const most = Math.max(0.0001, ...before, ...after);
  return (
    <table className={classes.categories}>
      <thead className="visually-hidden">
        <tr>
          <th scope="col">{tData("column.name")}</th>
          <th scope="col">{t("drift.before")}</th>
          <th scope="col">{t("drift.after")}</th>
        </tr>
      </thead>
      <tbody>
        {categories.values.map((each, index) => (
          <tr key={String(each.value)} data-new={!each.reference || undefined} data-gone={!each.current || undefined}>
            <th scope="row" className="cut" title={String(each.value)}>
              {each.value === "" ? <em>{tData("column.emptyText")}</em> : figure(each.value, type)}
            </th>
            <td className={classes.bars}>
              <span className={classes.barBefore} style={{ width: `${((before[index] ?? 0) / most) * 100}%` }} aria-hidden />
              <span className={classes.barAfter} style={{ width: `${((after[index] ?? 0) / most) * 100}%` }} aria-hidden />
              <span className="visually-hidden">{percent(before[index] ?? 0)}</span>
            </td>
            <td className="num">
              {percent(before[index] ?? 0)} → {percent(after[index] ?? 0)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
