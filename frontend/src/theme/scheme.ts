import type { MantineColorScheme, MantineColorSchemeManager } from "@mantine/core";
import { cookie } from "@/api/client";

const COOKIE = "bedplate_theme";
const CHOICES: readonly MantineColorScheme[] = ["light", "dark", "auto"];

/** Keeps light, dark or system in a cookie, so that the server writes it into the page and nothing flashes. */
export const schemeManager: MantineColorSchemeManager = {
  get: (fallback) => CHOICES.find((choice) => choice === cookie(COOKIE)) ?? fallback,
  set: (value) => {
    document.cookie = `${COOKIE}=${value}; path=/; max-age=31536000; samesite=lax`;
  },
  subscribe: () => undefined,
  unsubscribe: () => undefined,
  clear: () => {
    document.cookie = `${COOKIE}=; path=/; max-age=0; samesite=lax`;
  },
};
