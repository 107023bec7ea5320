import { api, unwrap } from "@/api/client";

/** End the session, and go to the sign-in page. */
export async function signOut(): Promise<void> {
  await unwrap(api.POST("/api/v1/auth/logout"));
  window.location.assign("/login");
}
