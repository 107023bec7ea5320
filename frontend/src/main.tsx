import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./theme/theme.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/app";
import { startI18n } from "./lib/i18n";

async function start(): Promise<void> {
  await startI18n();
  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no #root");
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}

// A newer build has taken the place of the files this page was made from: fetch the page again, once.
window.addEventListener("vite:preloadError", (event) => {
  const key = "bedplate-reloaded-for";
  const script = document.querySelector<HTMLScriptElement>('script[type="module"]')?.src ?? "";
  if (sessionStorage.getItem(key) === script) return;
  event.preventDefault();
  sessionStorage.setItem(key, script);
  window.location.reload();
});

void start();
