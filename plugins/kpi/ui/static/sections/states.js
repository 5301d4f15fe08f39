/** Stacked bars: how many (learner, thing to learn) pairs are in each state. */

import { el, table } from "../dom.js";
import { named } from "../filters.js";

const WIDE_ENOUGH = 0.09; // share of a bar that holds its percentage
// Other codes are stages of being in progress; the LMS chooses them.
const KINDS = [
  [/^TODO$/, "todo"],
  [/^UNKNOWN$/, "unknown"],
  [/PAUS/, "paused"],
  [/BLO(CK|QU)/, "blocked"],
  [/^DONE|VALID|TERMIN|FINI|ACQUI/, "done"],
];
const SHADES = 4;

export const states = {
  id: "states",
  csv: true,

  question: ({ selection: { scope, target, period, date } }) => ["states", { scope, target, period, date }],

  show(answer, context) {
    const { words } = context;
    const title = words.say("states");
    if (answer.domains.length === 0) return { title, picture: el("p", { class: "empty" }, words.say("noFigures")) };
    const looks = classes(answer);
    return {
      title,
      picture: [
        el(
          "div",
          { class: "bars" },
          answer.domains.map((one) => row(words.name("target_type", one.domain), one, looks, words)),
        ),
        below(answer, looks, context),
        legend(looks, words),
      ],
      table: values(answer, words),
    };
  },
};

/** The class of each state's segments, by code, in the states' order; stages in progress get darker as they go on. */
function classes({ domains, children }) {
  const all = [{ domains }, ...children].flatMap((one) => one.domains).flatMap((one) => one.states);
  const order = new Map(
    all.sort((one, other) => one.order - other.order).map(({ code, order: place }) => [code, place]),
  );
  const kind = (code) => KINDS.find(([form]) => form.test(code))?.[1];
  // Domains name their stages differently: the same place has the same shade.
  const places = [...new Set([...order].filter(([code]) => !kind(code)).map(([, place]) => place))];
  const stage = (place) => `stage-${Math.min(places.indexOf(place) + 1, SHADES)}`;
  return new Map([...order].map(([code, place]) => [code, kind(code) ?? stage(place)]));
}

function row(label, domain, looks, words) {
  const all = domain.states
    .map(({ code, count }) => `${words.name("state", code)} ${share(count, domain.total, words)}`)
    .join(", ");
  return el(
    "div",
    { class: "bar-row" },
    el("div", { class: "bar-label" }, label),
    el(
      "div",
      { class: "stack", role: "img", "aria-label": all },
      domain.states.map(({ code, count }) =>
        el(
          "div",
          {
            class: `segment ${looks.get(code)}`,
            style: { "flex-grow": count },
            title: words.about(
              words.name("state", code),
              `${words.number(count)} (${share(count, domain.total, words)})`,
            ),
          },
          count / domain.total >= WIDE_ENOUGH && share(count, domain.total, words),
        ),
      ),
    ),
    el("div", { class: "bar-value" }, words.number(domain.total)),
  );
}

function share(count, total, words) {
  return `${words.number(Math.round((100 * count) / total))}\u00a0%`;
}

/** The targets directly under this one, one domain at a time: else the bars could not be compared. */
function below({ domains, children, left_out: leftOut }, looks, { selection, words, go }) {
  const common = domains.map(({ domain }) => domain).filter((domain) => children.some((child) => of(child, domain)));
  if (common.length === 0) return null;
  const largest = domains
    .filter(({ domain }) => common.includes(domain))
    .reduce((one, other) => (other.total > one.total ? other : one));
  const chosen = common.includes(selection.domain) ? selection.domain : largest.domain;
  return [
    el(
      "div",
      { class: "subhead" },
      el("h3", {}, words.say("statesBelow")),
      el("label", { class: "unseen", for: "domain" }, words.say("domain")),
      el(
        "select",
        { id: "domain", autocomplete: "off", on: { change: (event) => go({ domain: event.target.value }) } },
        common.map((domain) =>
          el("option", { value: domain, selected: domain === chosen }, words.name("target_type", domain)),
        ),
      ),
    ),
    el(
      "div",
      { class: "bars" },
      children
        .filter((child) => of(child, chosen))
        .map((child) => row(descend(child.target, words, go), of(child, chosen), looks, words)),
    ),
    leftOut > 0 && el("p", { class: "quiet" }, words.say("leftOut", { n: words.number(leftOut) })),
  ];
}

function of({ domains }, domain) {
  return domains.find((one) => one.domain === domain);
}

function descend(target, words, go) {
  return el(
    "button",
    { type: "button", class: "plain", id: `state-${target.id}`, on: { click: () => go({ target: target.id }) } },
    named(target, words),
  );
}

function legend(looks, words) {
  return el(
    "ul",
    { class: "legend", "aria-hidden": "true" },
    [...looks].map(([code, look]) =>
      el("li", {}, el("i", { class: `mark segment ${look}` }), words.name("state", code)),
    ),
  );
}

function values(answer, words) {
  const columns = [
    { title: words.say("target") },
    { title: words.say("domain") },
    { title: words.say("state") },
    { title: words.say("count"), number: true },
    { title: words.say("share100"), number: true },
  ];
  const of = (label, domains) =>
    domains.flatMap(({ domain, total, states: all }) =>
      all.map(({ code, count }) => [
        label,
        words.name("target_type", domain),
        words.name("state", code),
        words.number(count),
        share(count, total, words),
      ]),
    );
  const rows = [
    ...of(words.say("total"), answer.domains),
    ...answer.children.flatMap(({ target, domains }) => of(named(target, words), domains)),
  ];
  return table(words.say("states"), columns, rows);
}
