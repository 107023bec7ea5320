import { Tooltip } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { memo, type CSSProperties } from "react";
import { useTranslation } from "react-i18next";
import type { components } from "@/api/schema.gen";
import { bytes, cores, percent } from "@/lib/format";
import { seriesIndex } from "@/lib/series-colors";
import classes from "./pool-map.module.css";

type Map = components["schemas"]["PoolMap"];
type MapNode = components["schemas"]["MapNode"];
type Device = components["schemas"]["Device"];
type Holder = components["schemas"]["Holder"];

/** The pool as nodes × devices: one square a device, filled by utilisation, outlined by project; hover says whose. */
export function PoolMap({ map }: { map: Map }) {
  const { t } = useTranslation("map");
  if (!map.nodes.length) return <p className={classes.none}>{t("noNodes")}</p>;
  return (
    <div className={classes.map}>
      <ul className={classes.nodes} aria-label={t("label", { pool: map.pool_name })}>
        {map.nodes.map((node) => (
          <Node key={node.id} node={node} />
        ))}
      </ul>
      <Legend map={map} />
    </div>
  );
}

const Node = memo(function Node({ node }: { node: MapNode }) {
  const { t } = useTranslation("map");
  return (
    <li className={classes.node} data-ready={node.ready || undefined}>
      <div className={classes.head}>
        <span className={`mono cut ${classes.name}`}>{node.name}</span>
        {node.ready ? null : (
          <span className={classes.away} title={node.drain_reason || undefined}>
            {t(node.lost_at ? "lost" : node.drained_at ? "drained" : "notReady")}
          </span>
        )}
      </div>
      {node.devices.length ? (
        <ul className={classes.devices}>
          {node.devices.map((device) => (
            <li key={device.index}>
              <DeviceSquare device={device} />
            </li>
          ))}
        </ul>
      ) : (
        <p className={classes.none}>{t("noDevices")}</p>
      )}
      <Bar word={t("cpu")} ratio={part(node.cpu_millis_reserved, node.cpu_millis)} text={t("cpuOf", { used: cores(node.cpu_millis_reserved), all: cores(node.cpu_millis) })} />
      <Bar word={t("memory")} ratio={part(node.memory_bytes_reserved, node.memory_bytes)} text={t("of", { used: bytes(node.memory_bytes_reserved), all: bytes(node.memory_bytes) })} />
      <Shares node={node} />
    </li>
  );
});

const part = (used: number, all: number): number => (all ? Math.min(used / all, 1) : 0);

function Bar({ word, ratio, text }: { word: string; ratio: number; text: string }) {
  return (
    <div className={classes.bar}>
      <span>{word}</span>
      <span className={classes.track} aria-hidden>
        <span style={{ width: `${ratio * 100}%` }} />
      </span>
      <span className="num">{text}</span>
    </div>
  );
}

const colorOf = (holder: Holder): string => (holder.project ? `var(--series-${seriesIndex(holder.project)})` : "var(--cancelled)");

function DeviceSquare({ device }: { device: Device }) {
  const { t } = useTranslation("map");
  const { holder } = device;
  const whose = holder ? (holder.visible ? `${holder.project_name} · ${holder.workload_name}` : t("other")) : device.cordoned ? "" : t("free");
  const kind = device.simulated ? t("simulated", { model: device.gpu_model }) : device.gpu_model;
  const usage = device.utilisation_ratio === null ? t("unmeasured") : t("utilisation", { ratio: percent(device.utilisation_ratio) });
  const label = [`${device.index}: ${kind}`, bytes(device.memory_bytes), device.cordoned ? t("cordoned") : "", whose, holder ? usage : ""].filter(Boolean).join(" · ");
  const style = { "--color": holder ? colorOf(holder) : "var(--line)", "--fill": `${(device.utilisation_ratio ?? 0) * 100}%` } as CSSProperties;
  const square = (
    <span
      className={classes.device}
      data-held={holder ? true : undefined}
      data-simulated={device.simulated || undefined}
      data-cordoned={device.cordoned || undefined}
      data-unmeasured={(holder && device.utilisation_ratio === null) || undefined}
      style={style}
    />
  );
  return (
    <Tooltip label={label} multiline maw={320}>
      {holder?.workload ? (
        <Link to="/workloads/$workloadId" params={{ workloadId: holder.workload }} aria-label={label} className={classes.target}>
          {square}
        </Link>
      ) : (
        <span role="img" aria-label={label} className={classes.target}>
          {square}
        </span>
      )}
    </Tooltip>
  );
}

const SHARES_MOST = 6;

/** What runs on the node, where it holds no device: names to follow. */
function Shares({ node }: { node: MapNode }) {
  const { t } = useTranslation("map");
  const shown = node.shares.slice(0, SHARES_MOST);
  if (!shown.length) return null;
  return (
    <ul className={classes.shares}>
      {shown.map(({ holder, cpu_millis, members }, index) => (
        <li key={holder.workload ?? index} style={{ "--color": colorOf(holder) } as CSSProperties}>
          {holder.workload ? (
            <Link to="/workloads/$workloadId" params={{ workloadId: holder.workload }} className="cut">
              {holder.workload_name}
            </Link>
          ) : (
            <span className="soft cut">{t("other")}</span>
          )}
          <span className="soft num">{t("cores", { count: (cpu_millis * members) / 1000, n: cores(cpu_millis * members) })}</span>
        </li>
      ))}
      {node.shares.length > SHARES_MOST ? <li className="soft">{t("more", { count: node.shares.length - SHARES_MOST })}</li> : null}
    </ul>
  );
}

/** Whose colour is whose. */
function Legend({ map }: { map: Map }) {
  const { t } = useTranslation("map");
  const projects = new globalThis.Map<string, Holder>();
  let others = false;
  for (const node of map.nodes)
    for (const { holder } of [...node.shares, ...node.devices])
      if (holder?.project) projects.set(holder.project, holder);
      else if (holder) others = true;
  const simulated = map.nodes.some(({ devices }) => devices.some((device) => device.simulated));
  if (!projects.size && !others && !simulated) return null;
  return (
    <ul className={classes.legend}>
      {[...projects.values()].map((holder) => (
        <li key={holder.project} style={{ "--color": colorOf(holder) } as CSSProperties} data-swatch>
          {holder.project_name}
        </li>
      ))}
      {others ? (
        <li style={{ "--color": "var(--cancelled)" } as CSSProperties} data-swatch>
          {t("others")}
        </li>
      ) : null}
      {simulated ? (
        <li className={classes.simulated} data-swatch>
          {t("simulatedLegend")}
        </li>
      ) : null}
    </ul>
  );
}
