/** What the reader has chosen, kept in the page's address, so that a view can be shared and Back goes back. */

import { isDay, PERIODS } from "./dates.js";

const NUMBERS = ["scope", "target"];
const WORDS = {
  period: { test: (text) => Object.hasOwn(PERIODS, text) },
  curve: { test: (text) => PERIODS[text]?.curve ?? false },
  lang: /^(fr|en)$/,
  metric: /^[A-Z0-9_]{1,64}$/,
  domain: /^[A-Z_]{1,32}$/,
};

/**
 * The selection named by an address's query: {scope, target, period, date, metric, curve, domain, lang}, undefined
 * where the query has nothing usable. No date means the latest one.
 */
export function read(query) {
  const given = new URLSearchParams(query);
  const found = {};
  for (const name of NUMBERS) if (/^\d{1,15}$/.test(given.get(name) ?? "")) found[name] = Number(given.get(name));
  for (const [name, form] of Object.entries(WORDS)) if (form.test(given.get(name) ?? "")) found[name] = given.get(name);
  if (isDay(given.get("date") ?? "")) found.date = given.get("date");
  return found;
}

/** The query that names a selection. */
export function write(selection) {
  const names = [...NUMBERS, "period", "date", "metric", "curve", "domain", "lang"];
  return `?${new URLSearchParams(names.filter((name) => selection[name]).map((name) => [name, selection[name]]))}`;
}

/**
 * The address at which others see this view: inside Airflow when the page is shown there, else the page itself.
 * Airflow keeps the framed page's path at the end of its own.
 */
export function shared(selection) {
  const own = new URL(write(selection), location.href);
  const outer = frameAround();
  if (!outer?.pathname.endsWith(own.pathname)) return own.href;
  return outer.origin + outer.pathname + own.search;
}

function frameAround() {
  try {
    return window.parent === window ? null : window.parent.location;
  } catch {
    return null; // framed by a page of another origin
  }
}
