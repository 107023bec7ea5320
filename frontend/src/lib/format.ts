import i18n from "i18next";

/** Formatting by the reader's locale. Everything takes the API's plain units and gives text. */

const cache = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>();

/** The language of the page as BCP 47. */
export const locale = (): string => (i18n.language === "zh" ? "zh-Hans" : "en-GB");

function kept<T extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(key: string, make: (locale: string) => T): T {
  const full = `${locale()} ${key}`;
  const found = cache.get(full) as T | undefined;
  if (found) return found;
  const made = make(locale());
  cache.set(full, made);
  return made;
}

export const NONE = "–";

/** A count: `12,345`. */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  return kept("count", (l) => new Intl.NumberFormat(l, { maximumFractionDigits: 0 })).format(value);
}

/** A measured value with so many significant digits: `0.8448`, `1.2e-7`; NaN and infinities as they are written. */
export function value(number: number | null | undefined, digits = 4): string {
  if (number === null || number === undefined) return NONE;
  if (Number.isNaN(number)) return "NaN";
  if (!Number.isFinite(number)) return number > 0 ? "∞" : "−∞";
  const size = Math.abs(number);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return number.toExponential(digits - 1).replace("-", "−");
  return kept(`value${digits}`, (l) => new Intl.NumberFormat(l, { maximumSignificantDigits: digits })).format(number);
}

/** A fraction as percent: `8.4 %`, `42 %`: no decimals above 10. */
export function percent(ratio: number | null | undefined): string {
  if (ratio === null || ratio === undefined || Number.isNaN(ratio)) return NONE;
  const hundredths = Math.abs(ratio * 100);
  const decimals = hundredths > 0 && hundredths < 10 ? 1 : 0;
  return kept(`percent${decimals}`, (l) => new Intl.NumberFormat(l, { style: "percent", maximumFractionDigits: decimals })).format(ratio);
}

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes in binary units: `1.5 MiB`. */
export function bytes(size: number | null | undefined): string {
  if (size === null || size === undefined) return NONE;
  const power = size < 1 ? 0 : Math.min(Math.floor(Math.log2(size) / 10), SIZES.length - 1);
  return `${value(size / 1024 ** power, 3)} ${SIZES[power]}`;
}

/** Milli-CPUs as cores: `1.5`. */
export const cores = (millis: number | null | undefined): string => (millis === null || millis === undefined ? NONE : value(millis / 1000, 3));

const two = (part: number): string => String(Math.floor(part)).padStart(2, "0");

/** A duration: `850 ms`, `12.3 s`, `4 m 05 s`, `1 h 04 m`, `3 d 02 h`. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return NONE;
  const t = Math.max(0, seconds);
  if (t < 1) return `${Math.round(t * 1000)} ms`;
  if (t < 60) return `${value(t, 3)} s`;
  if (t < 3600) return `${Math.floor(t / 60)} m ${two(t % 60)} s`;
  if (t < 86_400) return `${Math.floor(t / 3600)} h ${two((t % 3600) / 60)} m`;
  return `${Math.floor(t / 86_400)} d ${two((t % 86_400) / 3600)} h`;
}

/** Seconds between two times of the API; an end that is missing is `now` (ms). */
export function between(start: string | null | undefined, end: string | null | undefined, now: number): number | null {
  if (!start) return null;
  return ((end ? Date.parse(end) : now) - Date.parse(start)) / 1000;
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** `3 minutes ago`, as of `now` (ms). */
export function ago(at: string | number | null | undefined, now: number): string {
  if (at === null || at === undefined) return NONE;
  const seconds = ((typeof at === "number" ? at : Date.parse(at)) - now) / 1000;
  const format = kept("ago", (l) => new Intl.RelativeTimeFormat(l, { numeric: "auto", style: "short" }));
  if (Math.abs(seconds) < 5) return format.format(0, "second");
  const [unit, length] = STEPS.find(([, step]) => Math.abs(seconds) >= step) ?? ["second", 1];
  return format.format(Math.trunc(seconds / length), unit);
}

/** The absolute time in the reader's zone, with seconds. */
export function moment(at: string | number | null | undefined): string {
  if (at === null || at === undefined) return NONE;
  return kept("moment", (l) => new Intl.DateTimeFormat(l, { dateStyle: "medium", timeStyle: "medium" })).format(new Date(at));
}

/** A calendar day of UTC, as the API writes it (`2026-03-03`): `3 Mar 2026`. */
export function day(on: string | null | undefined): string {
  if (!on) return NONE;
  return kept("day", (l) => new Intl.DateTimeFormat(l, { dateStyle: "medium", timeZone: "UTC" })).format(new Date(on));
}

/** Time of day: `14:20`. */
export function clock(at: string | number): string {
  return kept("clock", (l) => new Intl.DateTimeFormat(l, { hour: "2-digit", minute: "2-digit" })).format(new Date(at));
}

/** Time of day, with the day where that is not the one of `now` (ms): `14:20`, `3 Mar, 14:20`. */
export function when(at: string | number, now: number): string {
  const time = new Date(at);
  if (time.toDateString() === new Date(now).toDateString()) return clock(at);
  return kept("when", (l) => new Intl.DateTimeFormat(l, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" })).format(time);
}

const ROUGH: readonly (readonly [unit: string, seconds: number])[] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** A span no finer than anybody knows it: `23 min`, `1.5 h`, `2 days`. */
export function rough(seconds: number): string {
  const size = Math.max(0, seconds);
  const [unit, length] = ROUGH.find(([, each]) => size >= each) ?? ["second", 1];
  const parts = size / length;
  const digits = parts < 10 && length >= 3600 ? 1 : 0;
  return kept(`rough${unit}${digits}`, (l) => new Intl.NumberFormat(l, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits })).format(parts);
}

/** A time on an axis, in Unix seconds, no finer than the ticks are apart: `14:20:05`, `14:20`, `3 Mar`. */
export function tickTime(seconds: number, increment: number): string {
  const at = new Date(seconds * 1000);
  if (increment >= 86_400 || (increment >= 3_600 && at.getHours() === 0 && at.getMinutes() === 0)) {
    return kept("tick-day", (l) => new Intl.DateTimeFormat(l, { day: "numeric", month: "short" })).format(at);
  }
  if (increment >= 60) return clock(seconds * 1000);
  return kept("tick-second", (l) => new Intl.DateTimeFormat(l, { hour: "2-digit", minute: "2-digit", second: "2-digit" })).format(at);
}
