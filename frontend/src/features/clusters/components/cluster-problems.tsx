import { useTranslation } from "react-i18next";
import type { Problem } from "../api";
import classes from "./clusters.module.css";

const MISSING = "missing_permission";

/** What was wrong when a cluster was checked; missing permissions as a table of their own. */
export function ClusterProblems({ problems }: { problems: readonly Problem[] }) {
  const { t } = useTranslation("clusters");
  const missing = problems.filter(({ code }) => code === MISSING);
  const others = problems.filter(({ code }) => code !== MISSING);
  return (
    <>
      <Sentences title={t("problems")} problems={others.filter(({ blocking }) => blocking)} wrong />
      <Sentences title={t("warnings")} problems={others.filter(({ blocking }) => !blocking)} />
      {missing.length ? <Missing problems={missing} /> : null}
    </>
  );
}

function Sentences({ title, problems, wrong = false }: { title: string; problems: readonly Problem[]; wrong?: boolean }) {
  if (!problems.length) return null;
  return (
    <div className={classes.problems} data-wrong={wrong || undefined}>
      <h3>{title}</h3>
      <ul>
        {problems.map((problem) => (
          <li key={problem.detail}>
            <Sentence problem={problem} />
          </li>
        ))}
      </ul>
    </div>
  );
}

/** In the reader's language what kind of problem it is; in English what exactly was said. */
function Sentence({ problem }: { problem: Problem }) {
  const { t, i18n } = useTranslation("clusters");
  const isKnown = !i18n.language.startsWith("en") && i18n.exists(`said.${problem.code}`, { ns: "clusters" });
  return (
    <>
      {isKnown ? <span>{t(`said.${problem.code as "tls"}`)} </span> : null}
      <span lang="en" className={isKnown ? "soft" : undefined}>
        {problem.detail}
      </span>
    </>
  );
}

function Missing({ problems }: { problems: readonly Problem[] }) {
  const { t } = useTranslation("clusters");
  return (
    <div className={classes.problems} data-wrong>
      <h3>{t("missing")}</h3>
      <p className="soft">{t("missingSaid")}</p>
      <div className={classes.scroll} tabIndex={0} role="region" aria-label={t("missing")}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">{t("verb")}</th>
              <th scope="col">{t("resource")}</th>
              <th scope="col">{t("group")}</th>
              <th scope="col">{t("where")}</th>
            </tr>
          </thead>
          <tbody>
            {problems.map(({ detail, params }) => (
              <tr key={detail} title={detail}>
                <td className="mono">{params.verb}</td>
                <td className="mono">{params.resource}</td>
                <td className="mono">{params.group || t("core")}</td>
                <td className="mono">{params.namespace || t("everywhere")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
