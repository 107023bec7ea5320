import type { CSSVariablesResolver } from "@mantine/core";

/** Gives Mantine's surfaces and texts our colours, in both themes. */
export const resolver: CSSVariablesResolver = () => {
  const ours = {
    "--mantine-color-body": "var(--page)",
    "--mantine-color-text": "var(--text)",
    "--mantine-color-dimmed": "var(--soft)",
    "--mantine-color-default": "var(--surface)",
    "--mantine-color-default-hover": "var(--hover)",
    "--mantine-color-default-color": "var(--text)",
    "--mantine-color-default-border": "var(--line)",
    "--mantine-color-error": "var(--failed)",
    "--mantine-color-red-outline": "var(--failed)",
    "--mantine-color-blue-outline": "var(--running)",
    "--mantine-color-anchor": "var(--accent)",
    "--mantine-color-placeholder": "var(--soft)",
  };
  return { variables: {}, light: ours, dark: ours };
};
