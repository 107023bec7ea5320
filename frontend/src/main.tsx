import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./theme/theme.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/app";
import { fetchRest } from "./app/router";
import { startI18n } from "./lib/i18n";

/** ms after the start: the page that was asked for comes first. */
const REST_AFTER = 2_000;

/** A link that a client of MLflow printed whose tracking address names no project: the server knows where it leads. */
const LINK_OF_A_CLIENT = /^#\/(experiments|models)(\/|\?|$)/;

async function start(): Promise<void> {
  if (LINK_OF_A_CLIENT.test(location.hash)) return location.replace(`/mlflow?at=${encodeURIComponent(location.hash.slice(1))}`);
  await startI18n();
  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no #root");
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
  setTimeout(() => void fetchRest(), REST_AFTER);
}

void start();
