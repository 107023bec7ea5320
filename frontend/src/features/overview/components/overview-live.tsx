import { useMe } from "@/api/me";
import { useProject } from "@/lib/permissions";
import { LiveRefresh } from "@/live/live-refresh";

const OF_A_PROJECT = [["overview"], ["runs", "summary"], ["endpoints", "summary"], ["workloads", "summary"]];
const FOLLOWED_MOST = 40;

/** Reads the page's parts again when something happens to what they show. Draws nothing. */
export function OverviewLive({ pools }: { pools: readonly string[] }) {
  const { projects } = useMe();
  const project = useProject();
  const followed = project ? [project] : projects.slice(0, FOLLOWED_MOST);
  return (
    <>
      <LiveRefresh subjects={followed.map(({ id }) => `project.${id}`)} keys={OF_A_PROJECT} waitMs={800} />
      {pools.map((id) => (
        <LiveRefresh key={id} subjects={[`pool.${id}`]} keys={[["pool", id, "map"], ["workloads", "summary"]]} waitMs={1_000} />
      ))}
    </>
  );
}
