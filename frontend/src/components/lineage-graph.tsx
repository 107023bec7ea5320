import { SegmentedControl, Table } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { IconChartLine, IconDatabase, IconFile, IconLock, IconPackage, IconPlugConnected, type TablerIcon } from "@tabler/icons-react";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { Link, type LinkProps } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import type { components } from "@/api/schema.gen";
import { Ago } from "./ago";
import { Faces, LoadingFace } from "./faces";
import { layoutOf, type Placed } from "./lineage-layout";
import { StateBadge } from "./state-badge";
import type { Noun } from "@/lib/states";
import classes from "./lineage-graph.module.css";

type Graph = components["schemas"]["LineageShape"];
type Node = Graph["nodes"][number];
type Kind = Node["kind"];

const DEPTH = 6;

export const lineageQuery = (kind: Kind, id: string) =>
  queryOptions({
    queryKey: ["lineage", kind, id],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/lineage", { params: { query: { of: `${kind}:${id}`, depth: DEPTH } }, signal })),
  });

/** What an object was made of, and what was made of it: a graph from left to right, and the same as a list. */
export function LineageGraph({ kind, id }: { kind: Kind; id: string }) {
  const query = useQuery(lineageQuery(kind, id));
  return <Faces query={query} loading={<LoadingFace height={220} />}>{(graph) => <Shown graph={graph} />}</Faces>;
}

function Shown({ graph }: { graph: Graph }) {
  const { t } = useTranslation("lineage");
  const [isList, setList] = useState(false);
  return (
    <section aria-label={t("graph")}>
      <div className={classes.head}>
        <SegmentedControl
          aria-label={t("graph")}
          value={isList ? "list" : "graph"}
          onChange={(value) => setList(value === "list")}
          data={[
            { value: "graph", label: t("asGraph") },
            { value: "list", label: t("asList") },
          ]}
        />
        {graph.edges.length ? null : <span className="soft">{t("alone")}</span>}
        {graph.is_cut ? <span className="soft">{t("cut")}</span> : null}
      </div>
      {isList ? <List graph={graph} /> : <Picture graph={graph} />}
    </section>
  );
}

const MOST_WIDTH = 164;
const LEAST_WIDTH = 124;
const HEIGHT = 50;
const GAP_X = 36;
const GAP_Y = 14;
const EDGE = 8;
const left = ({ layer }: Placed, width: number): number => EDGE + layer * (width + GAP_X);
const middle = ({ row }: Placed): number => EDGE + row * (HEIGHT + GAP_Y) + HEIGHT / 2;

/** From the right side of a node, level through the columns between, to the left side of the next. */
function pathOf(route: readonly Placed[], width: number): string {
  const points = route.flatMap((place, index) => {
    const y = middle(place);
    if (index === 0) return [{ x: left(place, width) + width, y }];
    if (index === route.length - 1) return [{ x: left(place, width) - 5, y }];
    return [{ x: left(place, width), y }, { x: left(place, width) + width, y }];
  });
  return points
    .map(({ x, y }, index) => {
      const before = points[index - 1];
      if (!before) return `M${x} ${y}`;
      const bend = (x - before.x) / 2;
      return `C${before.x + bend} ${before.y} ${x - bend} ${y} ${x} ${y}`;
    })
    .join("");
}

const keyOf = (node: { kind: string; id: string }): string => `${node.kind}:${node.id}`;

function Picture({ graph }: { graph: Graph }) {
  const { t } = useTranslation("lineage");
  const scroller = useRef<HTMLDivElement>(null);
  const { ref: measured, width: room } = useElementSize<HTMLDivElement>();
  const [near, setNear] = useState<string | null>(null);
  const links = useMemo(
    () => graph.edges.map((edge) => ({ from: `${edge.to_kind}:${edge.to_id}`, to: `${edge.from_kind}:${edge.from_id}`, relation: edge.relation })),
    [graph],
  );
  const layout = useMemo(() => layoutOf(graph.nodes.map(keyOf), links), [graph, links]);
  // Narrower nodes where that lets the whole be seen at once; where nothing does, wide ones that can be read.
  const fitting = Math.floor((room - 2 * EDGE + GAP_X) / layout.layers) - GAP_X;
  const width = fitting < LEAST_WIDTH ? MOST_WIDTH : Math.min(MOST_WIDTH, fitting);
  useEffect(() => {
    const box = scroller.current;
    const focus = box?.querySelector<HTMLElement>("[data-focus]");
    if (!box || !focus) return;
    box.scrollTo({ left: focus.offsetLeft - (box.clientWidth - focus.offsetWidth) / 2, top: focus.offsetTop - (box.clientHeight - HEIGHT) / 2 });
  }, [layout]);
  const size = { width: layout.layers * (width + GAP_X) - GAP_X + 2 * EDGE, height: layout.rows * (HEIGHT + GAP_Y) - GAP_Y + 2 * EDGE };
  return (
    <div ref={measured}>
      <div ref={scroller} className={classes.scroller} tabIndex={0} role="group" aria-label={t("graph")}>
        <div className={classes.picture} style={size}>
          <svg {...size} aria-hidden className={classes.links}>
            <defs>
              {["plain", "near"].map((name) => (
                <marker key={name} id={`lineage-${name}`} viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" orient="auto">
                  <path d="M0 0L8 4L0 8z" className={classes.arrow} data-near={name === "near" || undefined} />
                </marker>
              ))}
            </defs>
            {layout.routes.map((route, index) => {
              const link = links[index];
              const isNear = near !== null && (link?.from === near || link?.to === near);
              return (
                <path key={index} d={pathOf(route, width)} className={classes.link} data-near={isNear || undefined} markerEnd={`url(#lineage-${isNear ? "near" : "plain"})`}>
                  <title>{link ? t(`relation.${link.relation}`) : ""}</title>
                </path>
              );
            })}
          </svg>
          <ul className={classes.nodes}>
            {graph.nodes.map((node) => {
              const place = layout.places.get(keyOf(node));
              return place ? (
                <li
                  key={keyOf(node)}
                  style={{ left: left(place, width), top: middle(place) - HEIGHT / 2, width, height: HEIGHT }}
                  data-focus={node.distance === 0 || undefined}
                  onMouseEnter={() => setNear(keyOf(node))}
                  onMouseLeave={() => setNear(null)}
                  onFocus={() => setNear(keyOf(node))}
                  onBlur={() => setNear(null)}
                >
                  <NodeBox node={node} />
                </li>
              ) : null;
            })}
          </ul>
        </div>
      </div>
    </div>
  );
}

const ICONS: Readonly<Record<Kind, TablerIcon>> = {
  source: IconFile,
  dataset_version: IconDatabase,
  run: IconChartLine,
  model_version: IconPackage,
  revision: IconPlugConnected,
};
const NOUNS: Readonly<Partial<Record<Kind, Noun>>> = { dataset_version: "dataset_version", run: "run", model_version: "model_version", revision: "revision" };

/** The page that shows an object: of a file its dataset's, of a revision its endpoint's. */
function linkTo(node: Node): Pick<LinkProps, "to" | "params"> | null {
  switch (node.kind) {
    case "dataset_version":
      return { to: "/dataset-versions/$versionId", params: { versionId: node.id } };
    case "run":
      return { to: "/runs/$runId", params: { runId: node.id } };
    case "model_version":
      return { to: "/model-versions/$versionId", params: { versionId: node.id } };
    case "source":
      return node.parent_id ? { to: "/datasets/$datasetId", params: { datasetId: node.parent_id } } : null;
    case "revision":
      return node.parent_id ? { to: "/endpoints/$endpointId", params: { endpointId: node.parent_id } } : null;
  }
}

function useNameOf(): (node: Node) => string {
  const { t } = useTranslation("lineage");
  return (node) => {
    if (node.is_hidden) return t("hidden");
    return node.number === null ? (node.name ?? "") : t("numbered", { name: node.name, number: node.number });
  };
}

function NodeBox({ node }: { node: Node }) {
  const { t } = useTranslation("lineage");
  const name = useNameOf()(node);
  const Icon = node.is_hidden ? IconLock : ICONS[node.kind];
  const noun = NOUNS[node.kind];
  const inside = (
    <>
      <Icon size={18} aria-hidden className={classes.icon} />
      <span className={classes.words}>
        <span className={classes.kind}>{t(`kind.${node.kind}`)}</span>
        {node.is_hidden || node.number === null ? (
          <span className="cut">{name}</span>
        ) : (
          <span className={classes.numbered}>
            <span className="cut">{node.name}</span> <span>· {node.number}</span>
          </span>
        )}
      </span>
      {noun && node.state ? <StateBadge noun={noun} state={node.state} iconOnly /> : null}
    </>
  );
  const link = node.is_hidden || node.distance === 0 ? null : linkTo(node);
  if (!link) {
    return (
      <div className={classes.node} data-hidden={node.is_hidden || undefined} aria-current={node.distance === 0 || undefined} title={name}>
        {inside}
      </div>
    );
  }
  return (
    <Link {...(link as LinkProps)} className={classes.node} title={name}>
      {inside}
    </Link>
  );
}

/** The same in words, a sentence a row. */
function List({ graph }: { graph: Graph }) {
  const { t } = useTranslation("lineage");
  const nodes = new Map(graph.nodes.map((node) => [keyOf(node), node]));
  return (
    <Table aria-label={t("graph")} className="surface">
      <Table.Tbody>
        {graph.edges.map((edge) => (
          <Table.Tr key={`${edge.from_id}${edge.relation}${edge.to_id}`}>
            <Table.Td>
              <Named node={nodes.get(`${edge.from_kind}:${edge.from_id}`)} />
            </Table.Td>
            <Table.Td className="soft">{t(`relation.${edge.relation}`)}</Table.Td>
            <Table.Td>
              <Named node={nodes.get(`${edge.to_kind}:${edge.to_id}`)} />
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Named({ node }: { node: Node | undefined }) {
  const { t } = useTranslation("lineage");
  const nameOf = useNameOf();
  if (!node) return null;
  const link = node.is_hidden || node.distance === 0 ? null : linkTo(node);
  return (
    <span>
      <span className="soft">{t(`kind.${node.kind}`)} </span>
      {link ? <Link {...(link as LinkProps)}>{nameOf(node)}</Link> : <strong>{nameOf(node)}</strong>}{" "}
      {node.created_at ? <span className="soft"><Ago at={node.created_at} /></span> : null}
    </span>
  );
}
