/** What the reader chooses with: scope, target, period, date. */

import { ask } from "./api.js";
import { combobox } from "./combobox.js";
import { endOf, isDay, step, written } from "./dates.js";
import { el } from "./dom.js";
import { sentence } from "./section.js";

const SCOPES_SHOWN = 20;
const CHILDREN_SHOWN = 24;

/** The controls for a context; `go(changes)` of the context follows each choice. */
export function filters(context) {
  return [
    el("div", { class: "row" }, scopeType(context), scopeBox(context), period(context), date(context)),
    el("div", { class: "row" }, path(context), children(context)),
  ];
}

function scopeType({ scope, options, words, go }) {
  const choose = async (event) => {
    const select = event.target;
    select.setCustomValidity("");
    try {
      const { scopes } = await ask("scopes", { type: select.value, limit: 1 });
      if (scopes.length) go({ scope: scopes[0].id });
      else select.setCustomValidity(words.say("scopesNone"));
    } catch (error) {
      select.setCustomValidity(sentence(error, words));
    }
    select.reportValidity();
  };
  return el(
    "div",
    { class: "field" },
    el("label", { for: "scope-type" }, words.say("scopeType")),
    el(
      "select",
      { id: "scope-type", autocomplete: "off", on: { change: choose } },
      options.scope_types.map((one) =>
        el("option", { value: one.type, selected: one.type === scope?.type }, words.pick(one, "label")),
      ),
    ),
  );
}

function scopeBox({ scope, words, go }) {
  const search = async (q, signal) => {
    try {
      const found = await ask("scopes", { type: scope?.type ?? "GLOBAL", q, limit: SCOPES_SHOWN }, signal);
      const note = found.more ? words.say("scopesMore") : found.scopes.length ? "" : words.say("scopesNone");
      return { options: found.scopes, note, count: words.say("scopesFound", { n: found.scopes.length }) };
    } catch (error) {
      if (error.name === "AbortError") throw error;
      return { options: [], note: sentence(error, words), count: "" };
    }
  };
  const texts = { label: words.say("scope"), hint: words.say("scopeHint") };
  return combobox({ id: "scope-box", search, choose: ({ id }) => go({ scope: id }), texts, shown: scope?.label ?? "" });
}

function period({ selection, options, words, go }) {
  return el(
    "fieldset",
    { class: "field" },
    el("legend", {}, words.say("period")),
    choices(
      "period",
      options.periods.map((one) => ({
        value: one.period,
        label: words.pick(one, "label"),
        disabled: one.latest === null,
      })),
      selection.period,
      (value) => go({ period: value, curve: undefined }),
    ),
  );
}

/** Radio buttons side by side. `all`: [{value, label, disabled}]. */
export function choices(name, all, chosen, choose) {
  return el(
    "div",
    { class: "choices" },
    all.map(({ value, label, disabled }) => [
      el("input", {
        type: "radio",
        autocomplete: "off",
        id: `${name}-${value}`,
        name,
        value,
        disabled,
        checked: value === chosen,
        on: { change: () => choose(value) },
      }),
      el("label", { for: `${name}-${value}` }, label),
    ]),
  );
}

function date({ selection, options, day, words, go }) {
  const bounds = options.periods.find((one) => one.period === selection.period);
  const last = bounds.latest;
  // The latest is not named in the address: a kept link goes on showing the newest figures.
  const move = (to) => go({ date: to >= last ? undefined : to });
  const stepper = (id, count, glyph) => {
    const to = step(selection.period, day, count);
    const disabled = to > last || endOf(selection.period, to) < bounds.first;
    const title = words.say(count < 0 ? "earlier" : "later");
    return el(
      "button",
      { type: "button", id, class: "button", disabled, title, "aria-label": title, on: { click: () => move(to) } },
      glyph,
    );
  };
  const pick = (picked) => picked && move(endOf(selection.period, clamp(picked, bounds.first, last)));
  // A text box and not the browser's own: that one shows dates in the browser's language, not the page's.
  const input = el("input", {
    type: "text",
    id: "date",
    autocomplete: "off",
    inputmode: "numeric",
    placeholder: words.say("dateForm"),
    value: words.digits(day),
  });
  input.addEventListener("change", () => {
    const wrong = written(input.value) === null;
    input.setAttribute("aria-invalid", String(wrong));
    input.title = wrong ? words.say("dateWrong") : "";
    pick(written(input.value));
  });
  const hidden = {
    type: "date",
    class: "calendar",
    tabindex: "-1",
    "aria-hidden": "true",
    value: day,
    min: bounds.first,
    max: last,
  };
  const calendar = el("input", {
    ...hidden,
    on: { change: (event) => isDay(event.target.value) && pick(event.target.value) },
  });
  const opener = {
    type: "button",
    id: "date-calendar",
    class: "button",
    title: words.say("calendar"),
    "aria-label": words.say("calendar"),
  };
  return el(
    "div",
    { class: "field" },
    el("label", { for: "date" }, words.say("date")),
    el(
      "div",
      { class: "together" },
      stepper("date-earlier", -1, "‹"),
      input,
      calendar,
      el("button", { ...opener, on: { click: () => calendar.showPicker() } }, "▾"),
      stepper("date-later", 1, "›"),
      el(
        "button",
        {
          type: "button",
          id: "date-latest",
          class: "button",
          disabled: !selection.date,
          on: { click: () => go({ date: undefined }) },
        },
        words.say("latest"),
      ),
    ),
  );
}

function clamp(day, first, last) {
  if (day < first) return first;
  return day > last ? last : day;
}

function path({ tree, words, go }) {
  if (!tree.target) return null;
  return el(
    "nav",
    { class: "path", "aria-label": words.say("path") },
    el(
      "ol",
      {},
      tree.path.map((one) => el("li", {}, targetButton(one, words, go, "plain"))),
      el(
        "li",
        {},
        el(
          "span",
          { id: `target-${tree.target.id}`, tabindex: "-1", "aria-current": "page" },
          named(tree.target, words),
        ),
      ),
    ),
  );
}

function children({ tree, words, go }) {
  if (!tree.target) return null;
  const [some, others] = [tree.children.slice(0, CHILDREN_SHOWN), tree.children.slice(CHILDREN_SHOWN)];
  const list = (targets) =>
    el(
      "ul",
      { class: "targets" },
      targets.map((one) => el("li", {}, targetButton(one, words, go, "button"))),
    );
  return el(
    "nav",
    { class: "children", "aria-label": words.say("children") },
    el("span", { class: "caption", "aria-hidden": "true" }, words.say(some.length ? "children" : "noChildren")),
    some.length > 0 && list(some),
    others.length > 0 &&
      el("details", {}, el("summary", {}, words.say("moreChildren", { n: others.length })), list(others)),
  );
}

function targetButton(target, words, go, className) {
  const title = words.name("target_type", target.type);
  return el(
    "button",
    {
      type: "button",
      id: `target-${target.id}`,
      class: className,
      title,
      on: { click: () => go({ target: target.id }) },
    },
    named(target, words),
  );
}

/** A target's or scope's label; its type and number where it has none. */
export function named({ type, ref_id, label }, words) {
  return label || [words.name("target_type", type), ref_id].filter((part) => part !== null).join(" ");
}
