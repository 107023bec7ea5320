import { useQuery } from "@tanstack/react-query";
import { IconCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Faces, LoadingFace } from "@/components/faces";
import { rolesQuery } from "../api";
import classes from "./access.module.css";

/** What each role may do in a project. */
export function RoleMatrix() {
  const { t } = useTranslation(["access", "common"]);
  const roles = useQuery(rolesQuery);
  return (
    <section aria-labelledby="roles">
      <h2 id="roles" className={classes.title}>
        {t("roles")}
      </h2>
      <Faces query={roles} loading={<LoadingFace rows={6} />}>
        {(rows) => {
          const verbs = [...new Set(rows.flatMap((role) => role.verbs))];
          return (
            <div className={classes.scroll}>
              <table className={classes.matrix}>
                <thead>
                  <tr>
                    <th scope="col">{t("verbs")}</th>
                    {rows.map(({ role }) => (
                      <th scope="col" key={role}>
                        {t(`role.${role}`)}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {verbs.map((verb) => (
                    <tr key={verb}>
                      <th scope="row">{t(`verb.${verb}`)}</th>
                      {rows.map((role) => (
                        <td key={role.role}>
                          {role.verbs.includes(verb) ? <IconCheck size={16} aria-label={t("yes", { ns: "common" })} /> : <span className="visually-hidden">{t("no", { ns: "common" })}</span>}
                        </td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          );
        }}
      </Faces>
    </section>
  );
}
