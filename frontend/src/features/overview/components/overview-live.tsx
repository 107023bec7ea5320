import { useMe } from "@/api/me";
import { useProject } from "@/lib/permissions";
import { useLiveRefresh } from "@/live/use-live";

const OF_A_PROJECT = [["overview"], ["runs", "summary"], ["endpoints", "summary"], ["workloads", "summary"]];
const FOLLOWED_MOST = 40;

/** Reads the page's parts again when something happens to what they show. Draws nothing. */
export function OverviewLive({ pools }: { pools: readonly string[] }) {
  const { projects } = useMe();
  const project = useProject();
  const followed = project ? [project] : projects.slice(0, FOLLOWED_MOST);
  return (
    <>
      {followed.map(({ id }) => (
        <FollowProject key={id} id={id} />
      ))}
      {pools.map((id) => (
        <FollowPool key={id} id={id} />
      ))}
    </>
  );
}

function FollowProject({ id }: { id: string }) {
  useLiveRefresh(`project.${id}`, OF_A_PROJECT, 800);
  return null;
}

function FollowPool({ id }: { id: string }) {
  useLiveRefresh(`pool.${id}`, [["pool", id, "map"], ["workloads", "summary"]], 1_000);
  return null;
}
