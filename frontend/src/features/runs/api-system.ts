import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { SYSTEM } from "@/live/run-curves";
import { runKey, type Attempt } from "./api";

/** What a job's wrapper measures every ten seconds, beside what heartbeats tell. */
const DISK = ["disk_read_bytes_per_second", "disk_written_bytes_per_second"];
const NETWORK = ["network_received_bytes_per_second", "network_sent_bytes_per_second"];

/** On a machine that a job shares with others the network is that of all of them. */
export const FLOWS = [
  { key: SYSTEM + DISK[0], title: "system.diskRead" },
  { key: SYSTEM + DISK[1], title: "system.diskWritten" },
  { key: SYSTEM + NETWORK[0], title: "system.networkReceived" },
  { key: SYSTEM + NETWORK[1], title: "system.networkSent" },
  { key: `${SYSTEM}machine/${NETWORK[0]}`, title: "system.machineReceived" },
  { key: `${SYSTEM}machine/${NETWORK[1]}`, title: "system.machineSent" },
] as const;

const seconds = (at: string | null): number | undefined => (at ? Date.parse(at) / 1000 : undefined);

/** What one member of an attempt read, wrote, sent and got, in bytes a second. */
export const flowsQuery = (id: string, attempt: Attempt, member: number) =>
  queryOptions({
    queryKey: [...runKey(id), "flows", attempt.id, member],
    queryFn: ({ signal }) => {
      const from = seconds(attempt.created_at);
      const to = seconds(attempt.ended_at);
      const query = {
        keys: FLOWS.map(({ key }) => key).join(","),
        points: 600,
        member,
        ...(from === undefined ? {} : { from_time: from }),
        ...(to === undefined ? {} : { to_time: to + 60 }),
      };
      return unwrap(api.GET("/api/v1/runs/{id}/metrics", { params: { path: { id }, query }, signal }));
    },
  });
