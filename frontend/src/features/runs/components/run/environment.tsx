import { Spoiler } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { bytes, count } from "@/lib/format";
import type { Attempt } from "../../api";
import { Facts, Pairs } from "./run-facts";

/** What the latest attempt that has said so ran in. */
export function Environment({ attempts }: { attempts: readonly Attempt[] }) {
  const { t } = useTranslation(["runs", "common"]);
  const found = attempts.findLast(({ environment }) => environment !== null)?.environment;
  if (!found) return null;
  const gpus = [...new Set(found.gpus.map(({ name, memory_bytes }) => `${name}, ${bytes(memory_bytes)}`))];
  const pairs: [string, ReactNode][] = [
    [t("environment.host"), found.hostname],
    [t("environment.platform"), found.platform && <span data-said>{found.platform}</span>],
    [t("environment.cpus"), count(found.cpu_count)],
    ...gpus.map((gpu): [string, ReactNode] => [t("environment.gpu", { n: found.gpus.length }), gpu]),
    [t("environment.driver"), found.driver],
    ["Python", found.python],
    ["PyTorch", found.torch ? [found.torch.version, found.torch.cuda && `CUDA ${found.torch.cuda}`].filter(Boolean).join(", ") : ""],
    [t("environment.commit"), found.git_commit.slice(0, 12)],
  ];
  const packages = Object.entries(found.packages);
  return (
    <Facts title={t("facts.environment")}>
      <Pairs pairs={pairs.filter(([, text]) => Boolean(text))} />
      {packages.length ? (
        <Spoiler maxHeight={0} showLabel={t("environment.packages", { n: count(packages.length) })} hideLabel={t("environment.fewer")} fz="sm">
          <Pairs pairs={packages} mono label={t("environment.packages", { n: count(packages.length) })} />
        </Spoiler>
      ) : null}
    </Facts>
  );
}
