import { IconChartLine, IconChevronRight, IconDatabase, IconLock, IconPackage, IconPlugConnected, type TablerIcon } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, type LinkProps } from "@tanstack/react-router";
import { Fragment } from "react";
import { useTranslation } from "react-i18next";
import { lineageQuery } from "@/components/lineage-graph";
import type { components } from "@/api/schema.gen";
import type { Run } from "../../api";
import classes from "./run.module.css";

type Node = components["schemas"]["LineageNodeShape"];

interface Chip {
  key: string;
  icon: TablerIcon;
  text: string;
  link?: Pick<LinkProps, "to" | "params"> | undefined;
}

const MOST = 3;

/** What the run was made of and what was made of it: dataset → run → model → endpoint. */
export function LineageChips({ run }: { run: Run }) {
  const { t } = useTranslation(["runs", "common"]);
  const { data } = useQuery(lineageQuery("run", run.id));
  const later = (data?.nodes ?? []).filter(({ distance }) => distance > 0);
  const hidden = t("hidden", { ns: "common" });
  const dataset: Chip = run.dataset_name
    ? {
        key: "dataset",
        icon: IconDatabase,
        text: `${run.dataset_name} v${run.dataset_version_number ?? ""}`,
        link: { to: "/dataset-versions/$versionId", params: { versionId: run.dataset_version } },
      }
    : { key: "dataset", icon: IconLock, text: hidden };
  const stages: Chip[][] = [
    [dataset],
    [{ key: "run", icon: IconChartLine, text: run.name }],
    later.filter(({ kind }) => kind === "model_version").map((node) => chipOf(node, hidden)),
    distinct(later.filter(({ kind }) => kind === "revision")).map((node) => chipOf(node, hidden)),
  ].filter((stage) => stage.length > 0);
  return (
    <nav className={classes.chips} aria-label={t("page.lineage")}>
      {stages.map((stage, index) => (
        <Fragment key={stage[0]!.key}>
          {index ? <IconChevronRight size={14} aria-hidden /> : null}
          {stage.slice(0, MOST).map((chip) => (
            <ChipLink key={chip.key} chip={chip} />
          ))}
          {stage.length > MOST ? <span>+{stage.length - MOST}</span> : null}
        </Fragment>
      ))}
    </nav>
  );
}

function chipOf(node: Node, hidden: string): Chip {
  if (node.is_hidden) return { key: node.id, icon: IconLock, text: hidden };
  const isModel = node.kind === "model_version";
  return {
    key: node.id,
    icon: isModel ? IconPackage : IconPlugConnected,
    text: isModel ? `${node.name ?? ""} v${node.number ?? ""}` : (node.name ?? ""),
    link: isModel
      ? { to: "/model-versions/$versionId", params: { versionId: node.id } }
      : node.parent_id
        ? { to: "/endpoints/$endpointId", params: { endpointId: node.parent_id } }
        : undefined,
  };
}

/** One chip for an endpoint, whatever number of its revisions serve the run's model. */
function distinct(nodes: readonly Node[]): Node[] {
  return [...new Map(nodes.map((node) => [node.parent_id ?? node.id, node])).values()];
}

function ChipLink({ chip }: { chip: Chip }) {
  const content = (
    <>
      <chip.icon size={14} aria-hidden />
      <span className="cut">{chip.text}</span>
    </>
  );
  if (!chip.link) return <span className={classes.chip}>{content}</span>;
  return (
    <Link {...(chip.link as LinkProps)} className={classes.chip}>
      {content}
    </Link>
  );
}
