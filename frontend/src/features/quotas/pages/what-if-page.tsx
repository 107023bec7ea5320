import { useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { poolsQuery } from "@/api/pools";
import { useCrumbs } from "@/components/breadcrumbs";
import { EmptyState } from "@/components/empty-state";
import { Faces, LoadingFace } from "@/components/faces";
import { LinkButton } from "@/components/link-button";
import { PageHeader } from "@/components/page-header";
import { useAskWhatIf } from "../api-what-if";
import { Answer } from "../components/what-if/answer";
import { PastWhatIfs } from "../components/what-if/past";
import type { Files } from "../components/what-if/trace-files";
import { WhatIfForm, type Asked } from "../components/what-if/what-if-form";
import classes from "../components/what-if/what-if.module.css";
import { answers, HOURS_MOST, type Change } from "../logic/what-if";

/** What would become of a pool's line if it were shared otherwise: asked, worked out on a copy, compared. The address is the question. */
export function WhatIfPage() {
  const me = useMe();
  const { t } = useTranslation("quotas");
  useCrumbs([{ title: t("title"), link: { to: "/quotas" } }, { title: t("whatIf.title") }]);
  return (
    <>
      <PageHeader title={t("whatIf.title")} lead={<span>{t("whatIf.lead")}</span>} />
      {me.is_superuser ? <Allowed /> : <EmptyState text={t("whatIf.notAllowed")} action={<LinkButton to="/quotas" search={{ tab: "queue" }} variant="default">{t("whatIf.toQueue")}</LinkButton>} />}
    </>
  );
}

const NO_CHANGES: readonly Change[] = [];

function Allowed() {
  const { t } = useTranslation("quotas");
  const search = useSearch({ from: "/what-if" });
  const pools = useQuery(poolsQuery);
  const pool = pools.data?.find(({ id }) => id === search.pool) ?? pools.data?.[0];
  return (
    <Faces query={pools} loading={<LoadingFace height={320} />}>
      {(rows) => (pool ? <Shown pools={rows} pool={pool.id} /> : <EmptyState text={t("noPool")} />)}
    </Faces>
  );
}

function Shown({ pools, pool }: { pools: readonly { id: string; name: string }[]; pool: string }) {
  const { t } = useTranslation("quotas");
  const search = useSearch({ from: "/what-if" });
  const navigate = useNavigate({ from: "/what-if" });
  const ask = useAskWhatIf();
  const [files, setFiles] = useState<Files>({});
  const hours = Math.min(Math.max(Math.trunc(Number(search.hours ?? 0)) || 0, 0), HOURS_MOST);
  const asked: Asked = { pool, basis: search.basis ?? "now", hours, changes: search.changes ?? NO_CHANGES };
  const change = (part: Partial<Asked>): void => {
    const { changes, hours: again, ...rest } = part;
    ask.reset();
    void navigate({
      search: (before) => ({ ...before, ...rest, ...(again === undefined ? {} : { hours: String(again) }), ...(changes ? { changes: changes.length ? [...changes] : undefined } : {}) }),
      replace: true,
      resetScroll: false,
    });
  };
  const send = (): void => {
    const { basis, changes } = asked;
    const trace = basis === "trace" ? { trace_tasks: files.tasks?.text ?? "", trace_nodes: files.nodes?.text ?? "" } : {};
    ask.mutate({ pool, basis, hours, changes: [...changes], ...trace }, { onSuccess: ({ id }) => void navigate({ search: (before) => ({ ...before, pool, answer: id }), resetScroll: false }) });
  };
  return (
    <div className={classes.page}>
      <div className={classes.left}>
        <WhatIfForm asked={asked} files={files} onFiles={setFiles} pools={pools} onChange={change} onAsk={send} isAsking={ask.isPending} error={ask.error} isAnswered={search.answer !== undefined} />
      </div>
      <div className={classes.right}>
        {search.answer ? (
          <section aria-label={t("whatIf.answer")}>
            <Answer key={search.answer} id={search.answer} fits={(found) => answers(found, asked)} onAgain={send} />
          </section>
        ) : null}
        <PastWhatIfs pool={pool} open={search.answer} />
      </div>
    </div>
  );
}
