import { IconChartLine, IconChevronRight, IconDatabase, IconLock, IconPackage, IconPlugConnected, type TablerIcon } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, type LinkProps } from "@tanstack/react-router";
import { Fragment } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "@/api/schema.gen";
import { lineageQuery } from "./lineage-graph";
import classes from "./lineage-trail.module.css";

type Graph = components["schemas"]["LineageShape"];
type Node = components["schemas"]["LineageNodeShape"];

const MOST = 3;
const keyOf = (node: { kind: string; id: string }): string => `${node.kind}:${node.id}`;

/** The way from data to endpoint through an object, in its header: dataset → run → model → endpoint. Needs the words of `lineage`. */
export function LineageTrail({ kind, id }: { kind: Node["kind"]; id: string }) {
  const { t } = useTranslation("lineage");
  const { data } = useQuery(lineageQuery(kind, id));
  const stages = data ? stagesOf(data).filter((stage) => stage.length) : [];
  if (!stages.length) return <span>&nbsp;</span>;
  return (
    <nav className={classes.trail} aria-label={t("graph")}>
      {stages.map((stage, index) => (
        <Fragment key={keyOf(stage[0]!)}>
          {index ? <IconChevronRight size={14} aria-hidden /> : null}
          {stage.slice(0, MOST).map((node) => (
            <Chip key={keyOf(node)} node={node} />
          ))}
          {stage.length > MOST ? <span>+{stage.length - MOST}</span> : null}
        </Fragment>
      ))}
    </nav>
  );
}

/** Data that was trained on, runs, model versions, and each endpoint once. */
export function stagesOf({ nodes, edges }: Pick<Graph, "nodes" | "edges">): Node[][] {
  const trainedOn = new Set(edges.filter(({ relation }) => relation === "trained_on").map((edge) => `${edge.to_kind}:${edge.to_id}`));
  const of = (kind: Node["kind"]): Node[] => nodes.filter((node) => node.kind === kind);
  const endpoints = new Map(of("revision").map((node) => [node.parent_id ?? node.id, node]));
  return [of("dataset_version").filter((node) => trainedOn.has(keyOf(node))), of("run"), of("model_version"), [...endpoints.values()]];
}

const ICONS: Readonly<Record<Node["kind"], TablerIcon>> = {
  source: IconDatabase,
  dataset_version: IconDatabase,
  run: IconChartLine,
  model_version: IconPackage,
  revision: IconPlugConnected,
};

function Chip({ node }: { node: Node }) {
  const { t } = useTranslation();
  const Icon = node.is_hidden ? IconLock : ICONS[node.kind];
  const numbered = node.number !== null && node.kind !== "revision";
  const content = (
    <>
      <Icon size={14} aria-hidden />
      <span className="cut">{node.is_hidden ? t("hidden") : `${node.name ?? ""}${numbered ? ` v${node.number}` : ""}`}</span>
    </>
  );
  const link = node.is_hidden ? null : linkTo(node);
  return link ? (
    <Link {...(link as LinkProps)} className={classes.chip}>
      {content}
    </Link>
  ) : (
    <span className={classes.chip}>{content}</span>
  );
}

function linkTo(node: Node): Pick<LinkProps, "to" | "params"> | null {
  switch (node.kind) {
    case "dataset_version":
      return { to: "/dataset-versions/$versionId", params: { versionId: node.id } };
    case "run":
      return { to: "/runs/$runId", params: { runId: node.id } };
    case "model_version":
      return { to: "/model-versions/$versionId", params: { versionId: node.id } };
    case "revision":
      return node.parent_id ? { to: "/endpoints/$endpointId", params: { endpointId: node.parent_id } } : null;
    case "source":
      return null;
  }
}
