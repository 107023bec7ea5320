import { useTranslation } from "react-i18next";
import { count, percent } from "@/lib/format";
import type { ColumnProfile } from "../api";
import classes from "./patterns.module.css";

/** How texts are written: what kinds they are, and the shapes of their signs with an example each. */
export function Patterns({ patterns }: { patterns: NonNullable<ColumnProfile["patterns"]> }) {
  const { t } = useTranslation("profile");
  const { kinds, shapes } = patterns;
  return (
    <>
      {kinds.length ? (
        <ul className={classes.kinds}>
          {kinds.map((each) => (
            <li key={each.kind} className={classes.kind}>
              {t(`kind.${each.kind}`)} <span className={classes.share}>{percent(each.share)}</span>
            </li>
          ))}
        </ul>
      ) : null}
      <table className={classes.shapes}>
        <thead className="visually-hidden">
          <tr>
            <th scope="col">{t("column.shape")}</th>
            <th scope="col">{t("column.example")}</th>
            <th scope="col">{t("column.share")}</th>
          </tr>
        </thead>
        <tbody>
          {shapes.map((each) => (
            <tr key={each.shape} title={`${each.example}: ${count(each.count)}`}>
              <td className={classes.shape}>
                <span className={classes.bar} style={{ width: `${each.share * 100}%` }} aria-hidden />
                <code className="cut">{each.shape === "" ? "“”" : each.shape}</code>
              </td>
              <td className={`${classes.example} cut`} data-said>{each.example}</td>
              <td className="num">{percent(each.share)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className={classes.note}>
        {patterns.is_sample ? `${t("column.patternsSample", { n: count(patterns.values) })}. ` : ""}
        {patterns.is_coarse ? t("column.coarse") : ""}
      </p>
    </>
  );
}
