import { SegmentedControl, Table } from "@mantine/core";
import { useMemo, useState, type CSSProperties } from "react";
import { useTranslation } from "react-i18next";
import { NONE, value } from "@/lib/format";
import type { ProfileTable } from "../api";
import { measureOf, orderOf, pairsOf, valueAt, type What } from "../logic/relations";
import classes from "./heat-map.module.css";

const LISTED = 60;
const NUMBERED = 22;
const STRONGEST = 12;
/** Percent of its colour from which on a field needs white words in the light theme, and black ones in the dark. */
const DEEP = 82;
const BRIGHT = 60;
/** px of a letter in the heads, and the most of all. */
const LETTER = 6.2;
const HEAD = 110;

/** How columns hang together, as a map of colours whose fields are a table, or as a list, the strongest first. */
export function HeatMap({ relations }: { relations: ProfileTable["relations"] }) {
  const { t } = useTranslation("profile");
  const [what, setWhat] = useState<What>("values");
  const [as, setAs] = useState("map");
  const hasRanks = relations.columns.filter(({ kind }) => kind !== "category").length > 1;
  return (
    <>
      <div className={classes.controls}>
        {hasRanks ? (
          <SegmentedControl
            size="xs"
            aria-label={t("relations.what")}
            value={what}
            onChange={(next) => setWhat(next)}
            data={[
              { value: "values", label: t("relations.values") },
              { value: "ranks", label: t("relations.ranks") },
            ]}
          />
        ) : null}
        <SegmentedControl
          size="xs"
          aria-label={t("relations.as")}
          value={as}
          onChange={setAs}
          data={[
            { value: "map", label: t("relations.map") },
            { value: "list", label: t("relations.list") },
          ]}
        />
        <Legend />
      </div>
      {as === "map" ? <Map relations={relations} what={what} /> : <List relations={relations} what={what} />}
    </>
  );
}

function Legend() {
  const { t } = useTranslation("profile");
  return (
    <span className={classes.legend}>
      <span className={classes.number}>−1</span>
      <span className={classes.ramp} aria-hidden />
      <span className={classes.number}>1</span>
      <span>{t("relations.legend")}</span>
    </span>
  );
}

function Map({ relations, what }: { relations: ProfileTable["relations"]; what: What }) {
  const { t } = useTranslation("profile");
  const [at, setAt] = useState<readonly [number, number] | null>(null);
  const order = useMemo(() => orderOf(relations), [relations]);
  const name = (place: number): string => relations.columns[place]?.name ?? "";
  const said = (one: number, other: number): string => {
    const found = valueAt(relations, one, other, what);
    const measure = t(`relations.measure.${measureOf(relations, one, other, what)}`);
    return t("relations.pair", { one: name(one), other: name(other), measure, value: found === null ? t("relations.nothing") : value(found, 2) });
  };
  const isNumbered = order.length <= NUMBERED;
  return (
    <>
      <p className={classes.readout} aria-hidden>
        {at ? said(...at) : <span className="soft">{t("relations.hint")}</span>}
      </p>
      <div className={classes.both}>
        <table className={classes.map} style={headStyle(relations.columns.map((column) => column.name))} data-numbered={isNumbered || undefined} onPointerLeave={() => setAt(null)}>
          <caption className="visually-hidden">{t("relations.title")}</caption>
          <thead>
            <tr>
              <td />
              {order.map((place) => (
                <th key={place} scope="col" title={name(place)} data-at={at?.[1] === place || undefined}>
                  <span className="cut">{name(place)}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {order.map((one) => (
              <tr key={one}>
                <th scope="row" title={name(one)} data-at={at?.[0] === one || undefined}>
                  <span className="cut">{name(one)}</span>
                </th>
                {order.map((other) => (
                  <Field key={other} found={valueAt(relations, one, other, what)} isSelf={one === other} onPoint={() => setAt(one === other ? null : [one, other])} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        <Strongest relations={relations} what={what} />
      </div>
    </>
  );
}

/** How high turned heads are: as the longest name, up to a bound. */
export function headStyle(names: readonly string[]): CSSProperties {
  const longest = Math.max(0, ...names.map((name) => [...name].reduce((sum, letter) => sum + (letter > "\u2e80" ? 2 : 1), 0)));
  return { "--head": `${Math.min(HEAD, Math.round(longest * LETTER) + 8)}px` } as CSSProperties;
}

function Field({ found, isSelf, onPoint }: { found: number | null; isSelf: boolean; onPoint: () => void }) {
  if (isSelf) return <td className={classes.self} onPointerEnter={onPoint} />;
  const strength = Math.abs(found ?? 0);
  const isNegative = (found ?? 0) < 0;
  const mixed = Math.round(strength ** 0.8 * 100);
  const style = { background: found === null ? undefined : `color-mix(in srgb, var(${isNegative ? "--negative" : "--positive"}) ${mixed}%, var(--surface))` };
  return (
    <td style={style} data-deep={(mixed > DEEP && !isNegative) || undefined} data-bright={mixed > BRIGHT || undefined} data-nothing={found === null || undefined} onPointerEnter={onPoint}>
      <span>{found === null ? NONE : short(found)}</span>
    </td>
  );
}

/** `.28`, `−.05`, `0`, `1`: a field has little room. */
function short(found: number): string {
  const text = Math.abs(found).toFixed(2);
  if (text === "0.00" || text === "1.00") return `${found < 0 && text !== "0.00" ? "−" : ""}${text[0] ?? ""}`;
  return `${found < 0 ? "−" : ""}${text.slice(1)}`;
}

/** The strongest pairs beside the map, each with a bar of its colour. */
function Strongest({ relations, what }: { relations: ProfileTable["relations"]; what: What }) {
  const { t } = useTranslation("profile");
  const pairs = useMemo(() => pairsOf(relations, what).slice(0, STRONGEST), [relations, what]);
  return (
    <ol className={classes.strongest} aria-label={t("relations.strongest")}>
      {pairs.map((pair) => (
        <li key={`${pair.one} ${pair.other}`} title={t(`relations.measure.${pair.measure}`)}>
          <span className="cut" data-said>
            {pair.one} · {pair.other}
          </span>
          <span className={classes.number}>{value(pair.value, 2)}</span>
          <span className={classes.meter} aria-hidden>
            <span style={{ width: `${Math.abs(pair.value) * 100}%` }} data-negative={pair.value < 0 || undefined} />
          </span>
        </li>
      ))}
    </ol>
  );
}

function List({ relations, what }: { relations: ProfileTable["relations"]; what: What }) {
  const { t } = useTranslation("profile");
  const pairs = useMemo(() => pairsOf(relations, what).slice(0, LISTED), [relations, what]);
  return (
    <div className={classes.list}>
      <Table stickyHeader aria-label={t("relations.title")}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("relations.one")}</Table.Th>
            <Table.Th>{t("relations.other")}</Table.Th>
            <Table.Th>{t("relations.measured")}</Table.Th>
            <Table.Th className="num">{t("relations.value")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {pairs.map((pair) => (
            <Table.Tr key={`${pair.one} ${pair.other}`}>
              <Table.Td>{pair.one}</Table.Td>
              <Table.Td>{pair.other}</Table.Td>
              <Table.Td className="soft">{t(`relations.measure.${pair.measure}`)}</Table.Td>
              <Table.Td className="num">{value(pair.value, 2)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
