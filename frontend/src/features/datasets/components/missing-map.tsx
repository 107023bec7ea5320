import { useTranslation } from "react-i18next";
import { count } from "@/lib/format";
import type { ProfileTable } from "../api";
import { share } from "../logic/show";
import { headStyle } from "./heat-map";
import classes from "./missing-map.module.css";

/** Which columns lack a value in the same rows: a line per pattern, a field per column, and how many rows have it. */
export function MissingMap({ missing }: { missing: ProfileTable["missing"] }) {
  const { t } = useTranslation("profile");
  if (!missing.columns.length) return <p className="soft">{t("missing.none")}</p>;
  const most = Math.max(1, ...missing.patterns.map(({ rows }) => rows));
  return (
    <>
      <div className={classes.scroll}>
        <table className={classes.map} style={headStyle(missing.columns)}>
          <caption className="visually-hidden">{t("missing.title")}</caption>
          <thead>
            <tr>
              {missing.columns.map((name) => (
                <th key={name} scope="col" title={name}>
                  <span className="cut">{name}</span>
                </th>
              ))}
              <th scope="col" className={classes.rows}>
                {t("missing.rows")}
              </th>
            </tr>
          </thead>
          <tbody>
            {missing.patterns.map((pattern) => {
              const lacks = new Set(pattern.missing);
              return (
                <tr key={pattern.missing.join(" ")}>
                  {missing.columns.map((name, place) => (
                    <td key={name} data-missing={lacks.has(place) || undefined} title={`${name}: ${lacks.has(place) ? t("missing.lacks") : t("missing.has")}`}>
                      <span className="visually-hidden">{lacks.has(place) ? t("missing.lacks") : t("missing.has")}</span>
                    </td>
                  ))}
                  <td className={classes.rows}>
                    <span className={classes.bar} style={{ width: `${(pattern.rows / most) * 100}%` }} aria-hidden />
                    <span className={classes.figure}>
                      {count(pattern.rows)} · {share(pattern.rows, missing.rows)}
                      {lacks.size ? "" : ` · ${t("missing.complete")}`}
                    </span>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {missing.left_out ? <p className={classes.note}>{t("missing.leftOut", { count: missing.left_out, n: count(missing.left_out) })}</p> : null}
    </>
  );
}
