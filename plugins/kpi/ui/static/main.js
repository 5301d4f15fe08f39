/** Starts the page, follows the address, loads what is chosen. */

import { ask } from "./api.js";
import { endOf } from "./dates.js";
import { el, keepFocus } from "./dom.js";
import { choices, filters, named } from "./filters.js";
import { language } from "./language.js";
import { frame, sentence } from "./section.js";
import { SECTIONS } from "./sections.js";
import * as address from "./selection.js";
import { followTheme } from "./theme.js";

const PARTS = { bar: null, filters: null, main: null, announcer: null, skip: null };
for (const id of Object.keys(PARTS)) PARTS[id] = document.getElementById(id);

const frames = SECTIONS.map(frame);
let options = null;
let empty = false; // nothing was ever computed; an error where not even the tables are as they should be
let chosen = {}; // what the address names
let loading = new AbortController();

/** Ask what there is, then show what the address names; again after an error. */
async function start() {
  chosen = address.read(location.search);
  empty = false;
  try {
    options = await ask("options", {});
    empty = options.default.scope === null || options.default.target === null;
  } catch (error) {
    empty = error.code === "schema" && error;
    if (!empty) return showFailure(error, start);
  }
  return show();
}

/** Change the selection, as a step of the browser's history. */
function go(changes) {
  chosen = { ...chosen, ...changes };
  history.pushState(null, "", address.write(chosen));
  show();
}

function show() {
  if (empty) showEmpty();
  else if (options) load();
  else start();
}

/** Show the selection. A newer one ends the loading of an older one, so that no late answer takes its place. */
async function load() {
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  const context = newContext(signal);
  PARTS.main.setAttribute("aria-busy", "true");
  PARTS.announcer.textContent = context.words.say("loading");
  if (!frames[0].element.isConnected) PARTS.main.replaceChildren(...frames.map(({ element }) => element));
  try {
    await Promise.all([
      context.ready.then(() => showControls(context)),
      ...frames.map((one) => one.load(context, signal)),
    ]);
  } catch (error) {
    if (signal.aborted || error.name === "AbortError") return;
    showFailure(error, error.status === 404 ? () => go({ scope: undefined, target: undefined }) : load);
    return;
  }
  if (signal.aborted) return;
  PARTS.main.setAttribute("aria-busy", "false");
  PARTS.announcer.textContent = context.words.say("loaded", { view: viewName(context) });
}

/**
 * What sections are shown from: {selection, options, words, day, go, again, ready}; once `ready`, also {scope, tree,
 * metrics, curvePeriod}, and `selection.metric` is one that the target has.
 */
function newContext(signal) {
  const given = Object.entries(chosen).filter(([, value]) => value !== undefined);
  const selection = { ...options.default, date: undefined, lang: "fr", ...Object.fromEntries(given) };
  const period = options.periods.find((one) => one.period === selection.period && one.latest);
  if (!period) selection.period = options.default.period;
  const { latest } = period ?? options.periods.find((one) => one.period === selection.period);
  const context = {
    selection,
    options,
    words: language(selection.lang, options.labels),
    day: endOf(selection.period, selection.date ?? latest),
    go,
    again: load,
  };
  context.ready = complete(context, signal);
  return context;
}

async function complete(context, signal) {
  const { selection } = context;
  const [{ scope }, tree] = await Promise.all([
    ask(`scope/${selection.scope}`, {}, signal),
    ask("targets", { id: selection.target }, signal),
  ]);
  const metrics = options.metrics.filter(
    ({ target_levels: levels, rolling }) =>
      levels.includes(tree.target.type) && (selection.period === "R") === (rolling !== null),
  );
  selection.metric = metricAmong(metrics, selection.metric);
  const curvePeriod = selection.period === "R" ? "R" : (selection.curve ?? selection.period);
  Object.assign(context, { scope, tree, metrics, curvePeriod });
}

/**
 * The metric of this code, else its window or what it is a window of, else the progress, else any; undefined without
 * any.
 */
function metricAmong(metrics, code) {
  const base = (one) => one?.rolling?.of ?? one?.code;
  const wanted = base(options.metrics.find((one) => one.code === code));
  const likely = [
    (one) => one.code === code,
    (one) => base(one) === wanted,
    (one) => one.category === "PROGRESSION",
    () => true,
  ];
  return likely.map((test) => metrics.find(test)).find(Boolean)?.code;
}

function showControls(context) {
  speak(context.words);
  PARTS.filters.setAttribute("aria-label", context.words.say("selection"));
  document.title = `${viewName(context)} · KPI`;
  keepFocus(PARTS.bar, () => PARTS.bar.replaceChildren(...bar(context)));
  keepFocus(PARTS.filters, () => PARTS.filters.replaceChildren(...filters(context)));
}

function speak(words) {
  document.documentElement.lang = words.code;
  PARTS.skip.textContent = words.say("skip");
}

function bar(context) {
  const { words, scope, tree } = context;
  const about = [words.name("scope_type", scope.type), scope.type !== "GLOBAL" && named(scope, words)]
    .filter(Boolean)
    .join(" ");
  return [
    el(
      "div",
      {},
      el("p", { class: "kicker" }, words.say("title")),
      el("h1", {}, named(tree.target, words)),
      el("p", { class: "view" }, `${about} · ${periodName(context)}`),
    ),
    el("div", { class: "tools" }, shareButton(context), languageChoice(context.selection.lang, words)),
  ];
}

function viewName(context) {
  const { words, scope, tree } = context;
  return `${named(tree.target, words)}, ${named(scope, words)}, ${periodName(context)}`;
}

function periodName({ selection, day, words }) {
  return `${words.name("period", selection.period)} · ${words.when(selection.period, day)}`;
}

function languageChoice(lang, words) {
  const both = [
    { value: "fr", label: "Français" },
    { value: "en", label: "English" },
  ];
  return el(
    "fieldset",
    { class: "bare" },
    el("legend", { class: "unseen" }, words.say("language")),
    choices("lang", both, lang, (value) => go({ lang: value })),
  );
}

function shareButton({ selection, day, words }) {
  const link = address.shared({ ...selection, date: day });
  const copy = async ({ currentTarget: button }) => {
    try {
      await navigator.clipboard.writeText(link);
      button.textContent = words.say("shared");
      PARTS.announcer.textContent = words.say("shared");
    } catch {
      // The clipboard needs HTTPS and a right that frames may lack: then people copy it themselves.
      const field = el("input", { type: "text", readonly: true, value: link, "aria-label": words.say("shareByHand") });
      button.replaceWith(field);
      field.select();
    }
  };
  return el(
    "button",
    { type: "button", class: "button", id: "share", "data-link": link, on: { click: copy } },
    words.say("share"),
  );
}

/** Before the first night: what to run, in which order. */
function showEmpty() {
  const words = bareWords();
  const steps = {
    kpi_bootstrap: "emptyBootstrap",
    kpi_time_dimension: "emptyTime",
    kpi_daily: "emptyDaily",
    kpi_rollup: "emptyRollup",
    kpi_backfill: "emptyBackfill",
  };
  showAlone(
    words,
    el("h2", {}, words.say(empty.code ? "emptyTables" : "emptyTitle")),
    empty.code && el("p", {}, sentence(empty, words)),
    el("p", {}, words.say("emptyIntro")),
    el(
      "ol",
      { class: "steps" },
      Object.entries(steps).map(([dag, key]) => el("li", {}, el("code", {}, dag), words.about("", words.say(key)))),
    ),
    el("button", { type: "button", class: "button", on: { click: start } }, words.say("emptyRetry")),
  );
}

function showFailure(error, again) {
  const words = bareWords();
  showAlone(
    words,
    el("p", { class: "error", role: "alert" }, sentence(error, words)),
    el("button", { type: "button", class: "button", on: { click: again } }, words.say("retry")),
  );
}

function bareWords() {
  return language(chosen.lang ?? "fr", options?.labels);
}

function showAlone(words, ...nodes) {
  speak(words);
  document.title = `${words.say("title")} · KPI`;
  const choice = languageChoice(words.code, words);
  PARTS.bar.replaceChildren(el("div", {}, el("h1", {}, words.say("title"))), el("div", { class: "tools" }, choice));
  PARTS.filters.replaceChildren();
  PARTS.main.replaceChildren(el("section", { class: "panel alone" }, nodes));
  PARTS.main.setAttribute("aria-busy", "false");
  PARTS.announcer.textContent = "";
}

PARTS.filters.addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("popstate", () => {
  chosen = address.read(location.search);
  show();
});
followTheme(() => document.dispatchEvent(new Event("kpi:theme")));
start();
