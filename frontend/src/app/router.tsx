import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect, retainSearchParams } from "@tanstack/react-router";
import { reachability } from "@/api/reachability";
import { loadWords } from "@/lib/i18n";
import { oneOf, shellSearch, step, text, texts } from "@/lib/search";
import { NotFound, PageBroken } from "@/components/faces";
import { changesOf } from "@/features/quotas/logic/what-if";
import { fetchFirstRows } from "@/features/runs/first-rows";
import { Shell } from "./layout/shell";

const root = createRootRoute({
  validateSearch: shellSearch,
  search: { middlewares: [retainSearchParams(["project"])] },
  component: Shell,
  notFoundComponent: NotFound,
  errorComponent: PageBroken,
});

/** Those of all pages. */
const namespaces = new Set<string>();
/** Fetches the words of a page while its code is on the way: of all that it may show, since what came later would take it away for a moment. */
function words(...of: string[]) {
  for (const namespace of of) namespaces.add(namespace);
  return { loader: () => loadWords(...of) };
}
type Search = Record<string, unknown>;
/** A link need not name what it leaves as it is by default. */
const optional = <T extends object>(search: T): Partial<T> => search;

const overview = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/overview/pages/overview-page")), "OverviewPage"),
  ...words("overview", "messages", "map"),
});

// -- datasets
const datasets = createRoute({
  getParentRoute: () => root,
  path: "/datasets",
  validateSearch: (s: Search) => optional({ search: text(s.search), sort: text(s.sort) }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/datasets/pages/datasets-page")), "DatasetsPage"),
  ...words("datasets", "messages"),
});
const upload = createRoute({
  getParentRoute: () => root,
  path: "/datasets/new",
  validateSearch: (s: Search) => optional({ dataset: text(s.dataset) }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/datasets/pages/upload-page")), "UploadPage"),
  ...words("datasets", "messages", "form"),
});
const fetchData = createRoute({
  getParentRoute: () => root,
  path: "/datasets/fetch",
  validateSearch: (s: Search) => optional({ dataset: text(s.dataset) }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/datasets/pages/fetch-page")), "FetchPage"),
  ...words("datasets", "messages", "form"),
});
const schedules = createRoute({
  getParentRoute: () => root,
  path: "/ingestion-schedules",
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/datasets/pages/schedules-page")), "SchedulesPage"),
  ...words("datasets", "messages"),
});
const schedule = createRoute({
  getParentRoute: () => root,
  path: "/ingestion-schedules/$scheduleId",
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/datasets/pages/schedule-page")), "SchedulePage"),
  ...words("datasets", "messages"),
});
const dataset = createRoute({
  getParentRoute: () => root,
  path: "/datasets/$datasetId",
  validateSearch: (s: Search) => optional({ tab: text(s.tab), before: text(s.before), after: text(s.after) }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/datasets/pages/dataset-page")), "DatasetPage"),
  ...words("datasets", "messages", "lineage", "profile", "quality", "versions"),
});
const datasetVersion = createRoute({
  getParentRoute: () => root,
  path: "/dataset-versions/$versionId",
  validateSearch: (s: Search) => optional({ tab: text(s.tab), column: text(s.column) }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/datasets/pages/version-page")), "VersionPage"),
  ...words("datasets", "messages", "lineage", "profile", "quality", "versions"),
});
const clean = createRoute({
  getParentRoute: () => root,
  path: "/dataset-versions/$versionId/clean",
  validateSearch: (s: Search) => optional({ recipe: text(s.recipe), step: step(s.step) }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/datasets/pages/clean-page")), "CleanPage"),
  ...words("datasets", "messages", "form"),
});
const datasetJob = createRoute({
  getParentRoute: () => root,
  path: "/dataset-jobs/$kind/$jobId",
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/datasets/pages/job-page")), "JobPage"),
  ...words("datasets", "messages", "form", "quality", "why"),
});

// -- runs
const runs = createRoute({
  getParentRoute: () => root,
  path: "/runs",
  validateSearch: (s: Search) => optional({
    search: text(s.search),
    state: texts(s.state),
    where: texts(s.where),
    filter: text(s.filter),
    columns: texts(s.columns),
    widths: texts(s.widths),
    pinned: text(s.pinned),
    sort: text(s.sort),
    experiment: text(s.experiment),
    deleted: text(s.deleted),
    view: text(s.view),
  }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/runs/pages/runs-page")), "RunsPage"),
  loaderDeps: ({ search }) => search,
  loader: ({ deps }) => {
    void fetchFirstRows(deps);
    return loadWords("runs", "messages");
  },
});
const submit = createRoute({
  getParentRoute: () => root,
  path: "/runs/new",
  validateSearch: (s: Search) => optional({ from: text(s.from), version: text(s.version) }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/runs/pages/submit-page")), "SubmitPage"),
  ...words("runs", "messages", "form"),
});
const compare = createRoute({
  getParentRoute: () => root,
  path: "/runs/compare",
  validateSearch: (s: Search) => optional({
    run: texts(s.run),
    tab: oneOf(s.tab, ["curves", "differences", "parallel", "scatter", "evaluations", "files", "source"] as const),
    x: oneOf(s.x, ["step", "time", "relative"] as const),
    smooth: text(s.smooth),
    log: text(s.log),
    logx: text(s.logx),
    band: text(s.band),
    members: oneOf(s.members, ["mean", "band", "each"] as const),
    metric: texts(s.metric),
    all: text(s.all),
    across: text(s.across),
    up: text(s.up),
    tint: text(s.tint),
    size: text(s.size),
    axes: texts(s.axes),
    brush: texts(s.brush),
    file: text(s.file),
    left: text(s.left),
    right: text(s.right),
    path: text(s.path),
  }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/runs/pages/compare-page")), "ComparePage"),
  ...words("runs", "messages"),
});
const run = createRoute({
  getParentRoute: () => root,
  path: "/runs/$runId",
  validateSearch: (s: Search) => optional({
    tab: text(s.tab),
    x: oneOf(s.x, ["step", "time", "relative"] as const),
    smooth: text(s.smooth),
    log: text(s.log),
    line: text(s.line),
  }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/runs/pages/run-page")), "RunPage"),
  ...words("runs", "messages", "lineage", "why"),
});

// -- models
const models = createRoute({
  getParentRoute: () => root,
  path: "/models",
  validateSearch: (s: Search) => optional({ search: text(s.search), register: text(s.register) }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/models/pages/models-page")), "ModelsPage"),
  ...words("models", "messages"),
});
const model = createRoute({
  getParentRoute: () => root,
  path: "/models/$modelId",
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/models/pages/model-page")), "ModelPage"),
  ...words("models", "messages"),
});
const modelVersion = createRoute({
  getParentRoute: () => root,
  path: "/model-versions/$versionId",
  validateSearch: (s: Search) => optional({ tab: text(s.tab) }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/models/pages/version-page")), "ModelVersionPage"),
  ...words("models", "messages", "lineage"),
});

// -- endpoints
const endpoints = createRoute({
  getParentRoute: () => root,
  path: "/endpoints",
  validateSearch: (s: Search) => optional({ search: text(s.search) }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/endpoints/pages/endpoints-page")), "EndpointsPage"),
  ...words("endpoints", "messages"),
});
const deploy = createRoute({
  getParentRoute: () => root,
  path: "/endpoints/new",
  validateSearch: (s: Search) => optional({ version: text(s.version), endpoint: text(s.endpoint) }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/endpoints/pages/deploy-page")), "DeployPage"),
  ...words("endpoints", "messages"),
});
const endpoint = createRoute({
  getParentRoute: () => root,
  path: "/endpoints/$endpointId",
  validateSearch: (s: Search) => optional({ tab: text(s.tab), window: text(s.window) }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/endpoints/pages/endpoint-page")), "EndpointPage"),
  ...words("endpoints", "messages", "lineage", "form", "why"),
});

// -- quotas
const quotas = createRoute({
  getParentRoute: () => root,
  path: "/quotas",
  validateSearch: (s: Search) => optional({ tab: oneOf(s.tab, ["map", "queue", "sharing", "usage", "budgets", "report", "history"] as const), pool: text(s.pool), window: text(s.window), by: text(s.by), budget: text(s.budget), flavor: text(s.flavor), sort: text(s.sort) }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/quotas/pages/quotas-page")), "QuotasPage"),
  ...words("quotas", "messages", "map", "why"),
});
const whatIf = createRoute({
  getParentRoute: () => root,
  path: "/what-if",
  validateSearch: (s: Search) => optional({ pool: text(s.pool), basis: oneOf(s.basis, ["now", "ledger", "trace"] as const), hours: text(s.hours), changes: changesOf(s.changes), answer: text(s.answer) }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/quotas/pages/what-if-page")), "WhatIfPage"),
  ...words("quotas"),
});
const clusters = createRoute({
  getParentRoute: () => root,
  path: "/clusters",
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/clusters/pages/clusters-page")), "ClustersPage"),
  ...words("clusters"),
});
/** Where the queue was before the dashboard; also a short address to tell somebody. */
const queue = createRoute({
  getParentRoute: () => root,
  path: "/queue",
  beforeLoad: () => {
    throw redirect({ to: "/quotas", search: { tab: "queue" }, replace: true });
  },
});
const workload = createRoute({
  getParentRoute: () => root,
  path: "/workloads/$workloadId",
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/quotas/pages/workload-page")), "WorkloadPage"),
  ...words("quotas", "messages", "map", "why"),
});

// -- access
const access = createRoute({
  getParentRoute: () => root,
  path: "/access",
  validateSearch: (s: Search) => optional({
    tab: oneOf(s.tab, ["members", "tokens", "approvals", "audit", "secrets"] as const),
    approval: text(s.approval),
    action: text(s.action),
    actor: text(s.actor),
    target: text(s.target),
  }),
  component: lazyRouteComponent(() => reachability.load(() => import("@/features/access/pages/access-page")), "AccessPage"),
  ...words("access", "messages"),
});

const routeTree = root.addChildren([
  ...[overview, datasets, upload, fetchData, schedules, schedule, dataset, datasetVersion, clean, datasetJob],
  ...[runs, submit, compare, run, models, model, modelVersion],
  ...[endpoints, deploy, endpoint, quotas, whatIf, clusters, queue, workload, access],
]);

export const router = createRouter({
  routeTree,
  defaultPreload: "intent",
  defaultPendingMs: 150,
  defaultPendingMinMs: 0,
  scrollRestoration: true,
  defaultStructuralSharing: true,
});

/** Fetches the code and words of all pages: then every one opens at once, also while the server is away. */
export async function fetchRest(): Promise<void> {
  await loadWords(...namespaces);
  for (const route of Object.values(router.routesById)) await router.loadRouteChunk(route);
}

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
