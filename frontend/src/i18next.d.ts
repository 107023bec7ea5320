import "i18next";
import type common from "./locale/common.en.json";
import type form from "./locale/form.en.json";
import type lineage from "./locale/lineage.en.json";
import type messages from "./locale/messages.en.json";
import type map from "./locale/map.en.json";
import type profile from "./locale/profile.en.json";
import type quality from "./locale/quality.en.json";
import type states from "./locale/states.en.json";
import type why from "./locale/why.en.json";
import type versions from "./locale/versions.en.json";
import type access from "./features/access/locale/en.json";
import type clusters from "./features/clusters/locale/en.json";
import type datasets from "./features/datasets/locale/en.json";
import type endpoints from "./features/endpoints/locale/en.json";
import type models from "./features/models/locale/en.json";
import type overview from "./features/overview/locale/en.json";
import type quotas from "./features/quotas/locale/en.json";
import type runs from "./features/runs/locale/en.json";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "common";
    resources: {
      common: typeof common;
      quality: typeof quality;
      states: typeof states;
      versions: typeof versions;
      why: typeof why;
      form: typeof form;
      lineage: typeof lineage;
      messages: typeof messages;
      map: typeof map;
      profile: typeof profile;
      overview: typeof overview;
      datasets: typeof datasets;
      runs: typeof runs;
      models: typeof models;
      endpoints: typeof endpoints;
      quotas: typeof quotas;
      access: typeof access;
      clusters: typeof clusters;
    };
  }
}
