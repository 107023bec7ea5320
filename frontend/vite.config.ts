/// <reference types="vitest/config" />
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Where `make up` listens, for `npm run dev`, which proxies all but the sources there. */
const SERVER = process.env.BEDPLATE_DEV_SERVER ?? "http://127.0.0.1:8000";
/** Drawn by few pages, and large. */
const CHARTS = {
  name: "charts",
  test: /uplot|components.(plot|time-series|use-plot|chart-keys|hover-group|series-|readout)/,
  priority: 1,
  includeDependenciesRecursively: false,
};
/** Forms from schemas: of many pages, but not of those that are opened first. What is read of a schema in other places is no part of it. */
const FORMS = { name: "forms", test: /components.schema-form.(?!schema\.ts)/, priority: 1, includeDependenciesRecursively: false };
const FOLDER = fileURLToPath(new URL("./dist/dashboard", import.meta.url));

/** Writes a .br and a .gz beside every text asset: the web process sends them as they are. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    closeBundle() {
      for (const file of readdirSync(join(FOLDER, "assets"))) {
        if (!/\.(js|css|svg|json)$/.test(file)) continue;
        const path = join(FOLDER, "assets", file);
        const content = readFileSync(path);
        if (content.length < 1024) continue;
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
        writeFileSync(
          `${path}.br`,
          brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
        );
      }
    },
  };
}

export default defineConfig(({ command }) => ({
  base: command === "build" ? "/static/dashboard/" : "/",
  plugins: [react(), compressed()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir: FOLDER,
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700, // kB before compression; the budget is of what is sent (bench/dashboard.py)
    assetsInlineLimit: 0, // the policy of the page takes fonts from files only
    rolldownOptions: {
      input: fileURLToPath(new URL("./src/main.tsx", import.meta.url)),
      // What several pages use is one file: dozens of small ones cost more in requests than they save in bytes.
      output: { codeSplitting: { groups: [CHARTS, FORMS, { name: "shared", minShareCount: 6 }] } },
    },
  },
  server: {
    port: 5173,
    proxy: {
      "^/(api|admin|static|help|login|logout|language)": { target: SERVER, changeOrigin: false },
      "/ws": { target: SERVER, ws: true },
    },
  },
  test: {
    environment: "node",
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    isolate: false, // loading everything anew for each file is three quarters of the time; in any order they pass
  },
}));
