import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { components } from "@/api/schema.gen";
import { keys } from "./api";

type Schemas = components["schemas"];
export type Origin = Schemas["OriginShape"];
export type Schedule = Schemas["IngestionSchedule"];
export type AllowedOrigin = Schemas["AllowedOrigin"];
type Options = Record<string, unknown>;

const SCHEDULE = "/api/v1/ingestion-schedules/{id}";

export const schedulesQuery = (of: { project?: string | undefined; dataset?: string | undefined }) =>
  queryOptions({
    queryKey: [...keys.all, "schedules", of],
    queryFn: async ({ signal }) => {
      const query = { ordering: "-created_at", page_size: 500, ...(of.project ? { project: of.project } : {}), ...(of.dataset ? { dataset: of.dataset } : {}) };
      return (await unwrap(api.GET("/api/v1/ingestion-schedules", { params: { query }, signal }))).results;
    },
  });

export const scheduleQuery = (id: string) =>
  queryOptions({
    queryKey: [...keys.all, "schedule", id],
    queryFn: ({ signal }) => unwrap(api.GET(SCHEDULE, { params: { path: { id } }, signal })),
  });

/** What a schedule asked for, newest first. */
export const scheduledQuery = (schedule: string) =>
  queryOptions({
    queryKey: [...keys.all, "schedule", schedule, "ingestions"],
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET("/api/v1/ingestions", { params: { query: { schedule, ordering: "-created_at", page_size: 100 } }, signal }))).results,
  });

export const allowedQuery = (project: string) =>
  queryOptions({
    queryKey: [...keys.all, "allowed-origins", project],
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET("/api/v1/allowed-origins", { params: { query: { project, ordering: "pattern", page_size: 500 } }, signal }))).results,
  });

/** Names of the project's secrets, for who may see them. */
export const secretNamesQuery = (project: string) =>
  queryOptions({
    queryKey: [...keys.all, "secret-names", project],
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET("/api/v1/secrets", { params: { query: { project, page_size: 200 } }, signal }))).results.map(({ name }) => name),
    retry: false,
  });

export const fetchOnce = (body: { dataset: string; origin: Origin; options: Options; append_to: string | null }) => unwrap(api.POST("/api/v1/ingestions", { body }));

export const createSchedule = (body: Schemas["IngestionScheduleCreateRequest"]) => unwrap(api.POST("/api/v1/ingestion-schedules", { body }));

export type ScheduleVerb = "pause" | "resume" | "retire";
export const moveSchedule = ({ id, verb }: { id: string; verb: ScheduleVerb }): Promise<Schedule> => unwrap(api.POST(`${SCHEDULE}/${verb}`, { params: { path: { id } } }));

export const runSchedule = (id: string) => unwrap(api.POST(`${SCHEDULE}/run`, { params: { path: { id } } }));

export const allowOrigin = (body: { project: string; pattern: string; is_private: boolean }) => unwrap(api.POST("/api/v1/allowed-origins", { body }));

export const disallowOrigin = (id: string): Promise<unknown> => unwrap<unknown>(api.DELETE("/api/v1/allowed-origins/{id}", { params: { path: { id } } }));
