import { count } from "@/lib/format";
import classes from "./left-out.module.css";

/** Columns that something says nothing of, each with why; folded, since mostly nobody asks. */
export function LeftOut({ title, columns }: { title: string; columns: readonly { name: string; why: string }[] }) {
  if (!columns.length) return null;
  return (
    <details className={classes.leftOut}>
      <summary>
        {title} ({count(columns.length)})
      </summary>
      <ul>
        {columns.map(({ name, why }) => (
          <li key={name}>
            {name} <span className="soft">{why}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
