import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { linkOptions, type NavigateOptions } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { useMe } from "@/api/me";
import type { Noun } from "@/lib/states";
import { guidePath } from "./guide";

export interface Place {
  key: string;
  title: string;
  hint?: string;
  noun?: Noun;
  state?: string;
  /** One of: a page of the dashboard; a project to choose ("" for all); an address outside. */
  link?: NavigateOptions;
  project?: string;
  href?: string;
}

export interface PlaceGroup {
  key: "pages" | "actions" | "projects" | "runs" | "datasets" | "models" | "endpoints";
  places: Place[];
}

const EACH = 5;
export const NOTHING_FOUND: PlaceGroup[] = [];

/** What is known without asking: pages, verbs, projects. */
export function usePlaces(query: string): PlaceGroup[] {
  const { t, i18n } = useTranslation();
  const me = useMe();
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (text: string): boolean => words.every((word) => text.toLowerCase().includes(word));
  const page = (key: string, title: string, link: object): Place => ({ key, title, link: link as NavigateOptions });
  const pages = [
    page("overview", t("nav.overview"), linkOptions({ to: "/" })),
    page("datasets", t("nav.datasets"), linkOptions({ to: "/datasets" })),
    page("runs", t("nav.runs"), linkOptions({ to: "/runs" })),
    page("models", t("nav.models"), linkOptions({ to: "/models" })),
    page("endpoints", t("nav.endpoints"), linkOptions({ to: "/endpoints" })),
    page("queue", t("palette.queue"), linkOptions({ to: "/quotas", search: { tab: "queue" } })),
    page("quotas", t("nav.quotas"), linkOptions({ to: "/quotas" })),
    page("clusters", t("palette.clusters"), linkOptions({ to: "/clusters" })),
    page("members", t("palette.members"), linkOptions({ to: "/access", search: { tab: "members" } })),
    page("tokens", t("palette.tokens"), linkOptions({ to: "/access", search: { tab: "tokens" } })),
    page("approvals", t("palette.approvals"), linkOptions({ to: "/access", search: { tab: "approvals" } })),
    page("audit", t("palette.audit"), linkOptions({ to: "/access", search: { tab: "audit" } })),
    { key: "guide", title: t("nav.guide"), href: guidePath(i18n.language) },
    { key: "docs", title: t("nav.api"), href: "/api/v1/docs/" },
  ];
  const actions = [
    page("submit", t("palette.submit"), linkOptions({ to: "/runs/new" })),
    page("upload", t("palette.upload"), linkOptions({ to: "/datasets/new" })),
    page("deploy", t("palette.deploy"), linkOptions({ to: "/endpoints/new" })),
  ];
  const projects = me.projects.map(({ name, title }) => ({ key: `project-${name}`, title: title || name, hint: name, project: name }));
  return [
    { key: "pages", places: pages.filter(({ title }) => matches(title)) },
    { key: "actions", places: actions.filter(({ title }) => matches(title)) },
    { key: "projects", places: projects.filter(({ title, hint }) => matches(`${title} ${hint}`)).slice(0, EACH) },
  ];
}

/** What the API finds by name, a few of each. */
export const foundQuery = (wanted: string) =>
  queryOptions({
    queryKey: ["palette", wanted],
    enabled: wanted !== "",
    staleTime: 10_000,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }): Promise<PlaceGroup[]> => {
      const asked = { params: { query: { search: wanted, page_size: EACH } }, signal };
      const [runs, datasets, models, endpoints] = await Promise.all([
        unwrap(api.GET("/api/v1/runs", asked)),
        unwrap(api.GET("/api/v1/datasets", asked)),
        unwrap(api.GET("/api/v1/models", asked)),
        unwrap(api.GET("/api/v1/endpoints", asked)),
      ]);
      const place = (key: string, title: string, link: object, more: Partial<Place> = {}): Place => ({ key, title, link: link as NavigateOptions, ...more });
      return [
        {
          key: "runs",
          places: runs.results.map((run) =>
            place(run.id, run.name, linkOptions({ to: "/runs/$runId", params: { runId: run.id } }), { hint: run.experiment_name, noun: "run", state: run.state }),
          ),
        },
        {
          key: "datasets",
          places: datasets.results.map((each) =>
            place(each.id, each.title || each.name, linkOptions({ to: "/datasets/$datasetId", params: { datasetId: each.id } }), { hint: each.name }),
          ),
        },
        {
          key: "models",
          places: models.results.map((each) => place(each.id, each.name, linkOptions({ to: "/models/$modelId", params: { modelId: each.id } }))),
        },
        {
          key: "endpoints",
          places: endpoints.results.map((each) =>
            place(each.id, each.name, linkOptions({ to: "/endpoints/$endpointId", params: { endpointId: each.id } }), { noun: "endpoint", state: each.state }),
          ),
        },
      ];
    },
  });
