import { queryClient, signInAgain } from "@/api/query-client";
import { reachability } from "@/api/reachability";
import { LiveSocket } from "./socket";

/** The page's own socket. */
export const live = new LiveSocket(() => {
  const scheme = window.location.protocol === "https:" ? "wss" : "ws";
  return `${scheme}://${window.location.host}/ws/v1/live/`;
});

live.onSignedOut = signInAgain;
// Everything that is shown is asked for again: what became invisible answers 404 and leaves the page.
live.onRightsChanged = () => void queryClient.invalidateQueries();
reachability.onFound = () => {
  void queryClient.invalidateQueries();
  live.hurry();
};
window.addEventListener("online", () => live.hurry());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) live.hurry();
});
