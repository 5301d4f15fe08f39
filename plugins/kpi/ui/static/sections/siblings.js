/** The chosen scope among those of its type, best first. */

import { el, table } from "../dom.js";
import { named } from "../filters.js";
import { ratio, reliability } from "./tiles.js";

const SHOWN = 20;

export const siblings = {
  id: "siblings",
  csv: true,
  needsTarget: true,

  question({ selection: { scope, target, metric, period, date } }) {
    return metric ? ["siblings", { scope, target, metric, period, date, limit: SHOWN }] : null;
  },

  show(answer, context) {
    const { words, metrics, scope } = context;
    if (!answer || scope.type === "GLOBAL") return null; // everybody has nobody to be compared with
    const title = words.say("siblings");
    const metric = metrics.find(({ code }) => code === answer.metric);
    const subject = words.say("siblingsOf", {
      type: words.name("scope_type", scope.type),
      metric: words.pick(metric, "label"),
    });
    if (answer.rows.length === 0) return { title, picture: el("p", { class: "empty" }, words.say("noFigures")) };
    const most = answer.unit === "%" ? 100 : Math.max(...answer.rows.map(({ value }) => value)) || 1;
    return {
      title,
      picture: [
        el("p", { class: "quiet" }, subject),
        el(
          "ol",
          { class: "bars" },
          answer.rows.map((row) => bar(row, most, answer.unit, context)),
        ),
        answer.left_out > 0 && el("p", { class: "quiet" }, words.say("leftOut", { n: words.number(answer.left_out) })),
      ],
      table: values(answer, subject, words),
    };
  },
};

function bar({ rank, scope, chosen, value, ...sample }, most, unit, { words, go }) {
  const weak = sample.reliability === "low" && scope.type !== "APPRENANT"; // a learner is a sample of one
  const choose = {
    type: "button",
    class: "plain",
    id: `sibling-${scope.id}`,
    on: { click: () => go({ scope: scope.id }) },
  };
  return el(
    "li",
    { class: "bar-row", "data-chosen": chosen, "aria-current": chosen ? "true" : null },
    el(
      "div",
      { class: "bar-label" },
      el("span", { class: "rank" }, words.number(rank)),
      el("button", choose, named(scope, words)),
    ),
    el(
      "div",
      { class: "track" },
      el("div", { class: "fill", style: { width: `${Math.max(0, Math.min(100, (100 * value) / most))}%` } }),
    ),
    el("div", { class: "bar-value" }, words.measured(value, unit), weak && [" ", reliability(sample, words)]),
  );
}

function values({ rows, unit }, caption, words) {
  const columns = [
    { title: words.say("scope") },
    { title: words.say("rank"), number: true },
    { title: `${words.say("value")} ${words.mark(unit)}`.trim(), number: true },
    { title: words.say("ratio"), number: true },
    { title: words.say("sample"), number: true },
    { title: words.say("reliability") },
  ];
  const cells = rows.map((row) => [
    named(row.scope, words),
    words.number(row.rank),
    words.exact(row.value),
    ratio(row, words),
    words.number(row.sample_size),
    words.say(`reliability-${row.reliability}`),
  ]);
  return table(caption, columns, cells);
}
