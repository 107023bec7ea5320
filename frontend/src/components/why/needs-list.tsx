import { useTranslation } from "react-i18next";
import type { Why } from "@/api/why";
import { count, when } from "@/lib/format";
import { quantityText } from "@/lib/messages";
import { useNow } from "@/lib/use-now";
import { needsOf, type Need, type Quantity } from "./needs";
import classes from "./why.module.css";

/** What would have to change before it starts, one thing a line. */
export function Needs({ why, project }: { why: Why; project: string }) {
  const { t } = useTranslation("why");
  const say = useSentence(project);
  const needs = needsOf(why);
  if (!needs.length) return null;
  return (
    <div>
      <h2 className={classes.head}>{t(why.place ? "needs" : "needsThen")}</h2>
      <ul className={classes.needs}>
        {needs.map((need, index) => (
          <li key={index}>{say(need)}</li>
        ))}
      </ul>
    </div>
  );
}

function useSentence(project: string): (need: Need) => string {
  const { t } = useTranslation("why");
  const { t: messages } = useTranslation("messages");
  const now = useNow(30);
  const amount = ({ resource, flavor, value }: Quantity): string => quantityText(messages, { resource, flavor, value });
  return (need) => {
    switch (need.code) {
      case "bound_queue":
      case "bound_cohort":
      case "bound_pool": {
        const said = { name: need.name, lacks: amount(need.lacks), held: amount(need.held), limit: need.limit ? amount(need.limit) : "" };
        if (need.code === "bound_pool") return t("need.bound_pool", said);
        return need.limit ? t(`need.${need.code}`, said) : t("need.bound_open", said);
      }
      case "borrower":
        return t("need.borrower", { name: need.name, amount: amount(need.amount) });
      case "free":
        if (need.flavor === "") return t("need.freeRoom", { count: need.members, n: count(need.members) });
        return t("need.free", { devices: `${count(need.devices)} × ${need.flavor}`, count: need.members, n: count(need.members) });
      case "possible":
        return t("need.possible", { at: when(need.at, now) });
      default:
        return t(`need.${need.code}`, { project });
    }
  };
}
