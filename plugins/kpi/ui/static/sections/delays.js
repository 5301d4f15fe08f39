/** Delays: within which time half, three in four and nine in ten were done. */

import { el, table } from "../dom.js";
import { reliability } from "./tiles.js";

const PERCENTILES = ["p50", "p75", "p90"];

export const delays = {
  id: "delays",
  csv: true,

  question: ({ selection: { scope, target, period, date } }) => ["delays", { scope, target, period, date }],

  show({ measures }, { words }) {
    const title = words.say("delays");
    if (measures.length === 0) return { title, picture: el("p", { class: "empty" }, words.say("noFigures")) };
    return { title, picture: measures.map((measure) => bars(measure, words)), table: values(measures, words) };
  },
};

/** Bars of one measure, on its own scale: hours and days do not compare. */
function bars(measure, words) {
  const most = Math.max(...PERCENTILES.map((name) => measure[name] ?? 0)) || 1;
  return el(
    "div",
    { class: "measure", "data-measure": measure.code },
    el("div", { class: "subhead" }, el("h3", {}, words.pick(measure, "label")), reliability(measure, words)),
    el(
      "div",
      { class: "bars" },
      PERCENTILES.map((name) =>
        el(
          "div",
          { class: "bar-row" },
          el("div", { class: "bar-label" }, words.say(name)),
          el(
            "div",
            { class: "track" },
            el("div", { class: `fill ${name}`, style: { width: `${(100 * (measure[name] ?? 0)) / most}%` } }),
          ),
          el("div", { class: "bar-value" }, words.measured(measure[name], measure.unit)),
        ),
      ),
    ),
  );
}

function values(measures, words) {
  const columns = [
    { title: words.say("delay") },
    { title: words.say("unit") },
    ...PERCENTILES.map((name) => ({ title: words.say(name), number: true })),
    { title: words.say("sample"), number: true },
  ];
  const rows = measures.map((measure) => [
    words.pick(measure, "label"),
    words.mark(measure.unit),
    ...PERCENTILES.map((name) => words.exact(measure[name])),
    words.number(measure.sample_size),
  ]);
  return table(words.say("delays"), columns, rows);
}
