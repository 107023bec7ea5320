import { meQuery } from "@/api/me";
import { queryClient } from "@/api/query-client";
import { loadRuns, PAGE_SIZE, runTableKey } from "./api-list";
import { askedOf } from "./list-search";
import type { ViewSearch } from "./views";

/** Asks for the first rows of the table while the code of its page is still on the way. */
export async function fetchFirstRows({ project, ...view }: ViewSearch & { project?: string | undefined }): Promise<void> {
  const me = await queryClient.ensureQueryData(meQuery);
  const asked = askedOf(view, me.projects.find(({ name }) => name === project)?.id);
  await queryClient.prefetchQuery({
    queryKey: [...runTableKey(asked), 0],
    queryFn: ({ signal }) => loadRuns(asked)({ offset: 0, limit: PAGE_SIZE }, signal),
  });
}
