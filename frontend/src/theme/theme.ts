import { createTheme, type MantineColorsTuple } from "@mantine/core";

/** Deep teal: what can be pressed, and where you are. Index 7 on light surfaces, 4 on dark ones. */
const teal: MantineColorsTuple = [
  "#e6f6f4",
  "#cdebe8",
  "#9bd8d2",
  "#6bcac1",
  "#4fc0b8",
  "#2a9d95",
  "#17807a",
  "#0f6b66",
  "#0b5551",
  "#08403d",
];

/** Slate, so that Mantine's dark surfaces are ours. */
const dark: MantineColorsTuple = [
  "#e4e9f0",
  "#c3ccd8",
  "#9fabbb",
  "#74829a",
  "#3d4957",
  "#2b3542",
  "#1f2833",
  "#171e27",
  "#10151c",
  "#0b0f14",
];

const CHINESE = '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC"';
export const SANS = `"Inter Variable", ${CHINESE}, system-ui, sans-serif`;
export const MONO = `"JetBrains Mono Variable", ui-monospace, "SF Mono", Menlo, Consolas, ${CHINESE}, monospace`;

export const theme = createTheme({
  primaryColor: "teal",
  primaryShade: { light: 7, dark: 4 },
  autoContrast: true,
  luminanceThreshold: 0.35,
  colors: { teal, dark },
  fontFamily: SANS,
  fontFamilyMonospace: MONO,
  headings: {
    fontFamily: SANS,
    fontWeight: "650",
    sizes: {
      h1: { fontSize: "22px", lineHeight: "28px" },
      h2: { fontSize: "16px", lineHeight: "24px" },
      h3: { fontSize: "14px", lineHeight: "20px" },
    },
  },
  fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "16px", xl: "20px" },
  lineHeights: { xs: "16px", sm: "18px", md: "20px", lg: "24px", xl: "28px" },
  spacing: { xs: "4px", sm: "8px", md: "12px", lg: "16px", xl: "24px" },
  radius: { xs: "2px", sm: "4px", md: "6px", lg: "8px", xl: "12px" },
  defaultRadius: "sm",
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Button: {
      defaultProps: { size: "xs" },
      // Mantine looks at the light theme's shade only: in the dark one the accent is light and takes dark letters.
      vars: (_: unknown, { variant = "filled", color = "teal" }: { variant?: string; color?: string }) =>
        variant === "filled" && color === "teal" ? { root: { "--button-color": "var(--mantine-primary-color-contrast)" } } : { root: {} },
    },
    ActionIcon: { defaultProps: { variant: "subtle", color: "gray" } },
    TextInput: { defaultProps: { size: "xs" } },
    Textarea: { defaultProps: { size: "xs" } },
    NumberInput: { defaultProps: { size: "xs" } },
    Select: { defaultProps: { size: "xs", comboboxProps: { transitionProps: { duration: 80 } } } },
    MultiSelect: { defaultProps: { size: "xs", comboboxProps: { transitionProps: { duration: 80 } } } },
    PasswordInput: { defaultProps: { size: "xs" } },
    Checkbox: { defaultProps: { size: "xs" } },
    Switch: { defaultProps: { size: "xs" } },
    SegmentedControl: { defaultProps: { size: "xs" } },
    Tooltip: { defaultProps: { openDelay: 250, transitionProps: { duration: 80 }, withArrow: true } },
    // Its header is no banner of the page, though its element would say so.
    Modal: { defaultProps: { transitionProps: { duration: 100 }, centered: true, attributes: { header: { role: "presentation" } } } },
    Menu: { defaultProps: { transitionProps: { duration: 80 } } },
    Popover: { defaultProps: { transitionProps: { duration: 80 } } },
    Table: { defaultProps: { fz: "sm" } },
  },
});
