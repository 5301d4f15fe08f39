/** The frame of a part of the page: its title, tools, picture, the same values as a table, and their CSV. */

import { address, ask } from "./api.js";
import { el, keepFocus } from "./dom.js";

/**
 * Make the frame of a section; `load(context, signal)` fills it. What it holds stays until the next answer is there.
 *
 * A section is {id, csv, optional, needsTarget, question(context), show(answer, context)}. `question` gives [path,
 * parameters], or null when there is nothing to ask; `show` gives {title, tools, picture, table, summary, csv,
 * dispose}, or null to hide it; `summary` is what the table is called, `csv` whether there are rows to download: by
 * default, when there is a table. `optional`: hidden too when the server does not know the path. `needsTarget`: asked
 * only once the target's type is known.
 */
export function frame(section) {
  const element = el("section", { id: section.id, class: "panel", "aria-labelledby": `${section.id}-title` });
  let dispose = null;

  function replace(parts) {
    dispose?.();
    dispose = parts.dispose ?? null;
    keepFocus(element, () => element.replaceChildren(...parts.nodes));
    element.hidden = parts.nodes.length === 0;
  }

  async function load(context, signal) {
    element.setAttribute("aria-busy", "true");
    try {
      if (section.needsTarget) await context.ready;
      const question = section.question(context);
      const answer = question && (await ask(...question, signal));
      await context.ready;
      if (signal.aborted) return;
      const shown = section.show(answer, context);
      replace(shown ? { nodes: laidOut(section, shown, question, context), dispose: shown.dispose } : { nodes: [] });
    } catch (error) {
      if (signal.aborted || error.name === "AbortError" || (await notReady(context))) return;
      replace({ nodes: section.optional && error.status === 404 ? [] : failed(section, error, context) });
    }
    element.setAttribute("aria-busy", "false");
  }
  return { element, load };
}

/** Whether scope or target could not be read: the page says that once, in place of all sections. */
function notReady({ ready }) {
  return ready.then(
    () => false,
    () => true,
  );
}

function laidOut(section, { title, tools = [], picture, table, summary, csv = Boolean(table) }, question, { words }) {
  const link = section.csv && csv && csvLink(section, title, question, words);
  return [
    heading(section, title, [tools, link]),
    el("div", { class: "picture" }, picture),
    table &&
      el(
        "details",
        { class: "values" },
        el("summary", { id: `${section.id}-table` }, summary ?? words.say("table")),
        table,
      ),
  ].filter(Boolean);
}

function heading(section, title, tools) {
  return el("header", {}, el("h2", { id: `${section.id}-title` }, title), el("div", { class: "tools" }, tools));
}

function csvLink(section, title, [path, parameters], words) {
  const href = address(path, { ...parameters, format: "csv", lang: words.code });
  const spoken = words.say("csvOf", { title });
  return el(
    "a",
    { class: "button", id: `${section.id}-csv`, href, download: true, "aria-label": spoken },
    words.say("csv"),
  );
}

function failed(section, error, { words, again }) {
  const button = el("button", { type: "button", class: "button", on: { click: again } }, words.say("retry"));
  return [
    heading(section, words.say(section.id), []),
    el("p", { class: "error", role: "alert" }, sentence(error, words), " ", button),
  ];
}

/** What to tell people of an error. */
export function sentence(error, words) {
  const known = { 0: "errorUnreachable", 401: "errorLogin", 403: "errorRight", 404: "errorNotFound" };
  if (error.status === undefined) console.error(error); // a fault of the page itself
  return error.sentences?.[words.code] ?? words.say(known[error.status] ?? "errorOther");
}
