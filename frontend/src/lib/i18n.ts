import i18n, { type BackendModule } from "i18next";
import { initReactI18next } from "react-i18next";
import common from "@/locale/common.en.json";
import states from "@/locale/states.en.json";
import { cookie } from "@/api/client";
import { reachability } from "@/api/reachability";

export type Language = "en" | "zh";
/** Django's names for them, as its cookie has them. */
const DJANGO: Readonly<Record<Language, string>> = { en: "en", zh: "zh-hans" };
const COOKIE = "bedplate_language";

/** Every dictionary: `locale/<namespace>.<language>.json` of the shell, `features/<feature>/locale/<language>.json` of a feature. */
const shared = import.meta.glob<Record<string, unknown>>(["../locale/*.json", "!../locale/{common,states}.en.json"], { import: "default" });
const features = import.meta.glob<Record<string, unknown>>("../features/*/locale/*.json", { import: "default" });

const dictionaries: BackendModule = {
  type: "backend",
  init: () => undefined,
  read(language, namespace, done) {
    const load = shared[`../locale/${namespace}.${language}.json`] ?? features[`../features/${namespace}/locale/${language}.json`];
    if (!load) return done(new Error(`no dictionary ${namespace} in ${language}`), null);
    reachability.load(load).then((found) => done(null, found), (error: unknown) => done(error as Error, null));
  },
};

/** The language of the cookie, else the page's, else the browser's. */
export function preferredLanguage(): Language {
  const said = cookie(COOKIE) || document.documentElement.lang || navigator.language;
  return said.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** Keep the choice, for this page and those that Django renders, and show it. */
export async function chooseLanguage(language: Language): Promise<void> {
  document.cookie = `${COOKIE}=${DJANGO[language]}; path=/; max-age=31536000; samesite=lax`;
  await i18n.changeLanguage(language);
}

i18n.on("languageChanged", (language) => {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
});

/** Resolves when the shell's words are there. */
export async function startI18n(language: Language = preferredLanguage()): Promise<void> {
  await i18n
    .use(dictionaries)
    .use(initReactI18next)
    .init({
      lng: language,
      fallbackLng: false,
      ns: ["common", "states"],
      defaultNS: "common",
      partialBundledLanguages: true,
      resources: { en: { common, states } },
      interpolation: { escapeValue: false },
      returnNull: false,
      react: { useSuspense: true },
    });
}

/** Fetch a feature's words together with its code. */
export const loadWords = (...namespaces: string[]): Promise<void> => i18n.loadNamespaces(namespaces);
