/** Days as ISO texts ("2026-02-15"): the server's local days, so no time zone is ever involved here. */

const DAY_MS = 86_400_000;

function instant(day) {
  return Date.parse(`${day}T00:00:00Z`);
}

/** The day `count` days later, earlier when negative. */
export function addDays(day, count) {
  return new Date(instant(day) + count * DAY_MS).toISOString().slice(0, 10);
}

/** How many days lie between two. */
export function daysBetween(first, last) {
  return Math.round((instant(last) - instant(first)) / DAY_MS);
}

/** Seconds since 1970 of the day's beginning in UTC: the horizontal axis of a curve. */
export function seconds(day) {
  return instant(day) / 1000;
}

/**
 * The periods there are. Those that close have `back`: how many before the chosen one the plan shows; `monthly` ones are
 * named by their month. A window has no curve of its own.
 */
export const PERIODS = {
  D: { curve: true },
  W: { curve: true, back: 25 },
  M: { curve: true, back: 12, monthly: true },
  R: { curve: false },
};

/** The date by which a period is named that holds the day: a week's Sunday, a month's last day, else the day itself. */
export function endOf(period, day) {
  const date = new Date(instant(day));
  if (period === "W") return addDays(day, (7 - date.getUTCDay()) % 7);
  if (period === "M")
    return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).toISOString().slice(0, 10);
  return day;
}

/** The period's date `count` periods later, earlier when negative. */
export function step(period, day, count) {
  const end = endOf(period, day);
  if (period === "W") return addDays(end, 7 * count);
  if (period !== "M") return addDays(end, count);
  const date = new Date(instant(end));
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1 + count, 0)).toISOString().slice(0, 10);
}

/** The day that people wrote as day/month/year, or as an ISO text; null when it is none. */
export function written(text) {
  const [, day, month, year] = /^\s*(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4})\s*$/.exec(text) ?? [];
  const found = year ? `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}` : text.trim();
  return isDay(found) ? found : null;
}

/** Whether a text is a day of the calendar. */
export function isDay(text) {
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(instant(text)) && addDays(text, 0) === text;
}
