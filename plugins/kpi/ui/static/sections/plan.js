/** What the plan expected against what was done, by week or month. */

import { curve } from "../curve.js";
import { endOf, PERIODS, step } from "../dates.js";
import { el, table } from "../dom.js";
import { sinceFirst } from "./evolution.js";

export const plan = {
  id: "plan",
  csv: true,

  question({ selection: { scope, target, period, date } }) {
    const by = PERIODS[period].back ? period : "W"; // the plan has only periods that close
    const to = date && endOf(by, date);
    return ["plan", { scope, target, period: by, ...(date ? { from: step(by, to, -PERIODS[by].back), to } : {}) }];
  },

  show({ period, points: all }, { words }) {
    const title = words.say("plan");
    const points = sinceFirst(all, ({ expected }) => expected !== null);
    const known = points.filter(({ expected }) => expected !== null);
    if (known.length === 0) return { title, picture: el("p", { class: "empty" }, words.say("noFigures")) };
    const last = known.at(-1);
    const drawn = curve({
      dates: points.map(({ date }) => date),
      range: null,
      series: [
        { kind: "dashed", colour: "expected", values: points.map(({ expected }) => expected) },
        { kind: "line", colour: "done", values: points.map(({ done }) => done) },
        {
          kind: "open",
          colour: "done",
          values: points.map(({ done, complete }) => (complete === false ? done : null)),
        },
      ],
      tick: words.tick(period),
      number: words.number,
      tell: (index) => told(points[index], period, words),
      describe: words.say("planSummary", { ...texts(last, words), date: words.when(period, last.date) }),
    });
    return {
      title,
      picture: [headline(last, words), drawn.element, legend(known, words)],
      table: values(points, period, words),
      dispose: drawn.dispose,
    };
  },
};

function texts({ expected, done, gap }, words) {
  return { expected: words.number(expected), done: words.number(done), gap: words.signed(gap) };
}

function headline(last, words) {
  const kind = last.gap === 0 ? "same" : last.gap > 0 ? "better" : "worse";
  const word = words.say({ same: "onTime", better: "ahead", worse: "behind" }[kind]);
  const fact = (key, value, look) => el("div", {}, el("dt", {}, words.say(key)), el("dd", { class: look }, value));
  const { expected, done, gap } = texts(last, words);
  return el(
    "dl",
    { class: "facts" },
    fact("expected", expected),
    fact("done", done),
    fact(
      "gap",
      [
        el("span", { "aria-hidden": "true" }, { same: "= ", better: "▲ ", worse: "▼ " }[kind]),
        gap,
        el("small", {}, ` ${word}`),
      ],
      kind,
    ),
    fact("coverage", words.measured(last.coverage, "%")),
  );
}

function told(point, period, words) {
  const when = words.when(period, point.date);
  if (point.expected === null) return words.about(when, words.say("noRow"));
  const { expected, done, gap } = texts(point, words);
  return words.about(
    when,
    `${words.say("expected")} ${expected} · ${words.say("done")} ${done} · ${words.say("gap")} ${gap}`,
  );
}

function legend(known, words) {
  return el(
    "ul",
    { class: "legend", "aria-hidden": "true" },
    el("li", {}, el("i", { class: "mark dashed" }), words.say("expected")),
    el("li", {}, el("i", { class: "mark line done" }), words.say("done")),
    known.some(({ complete }) => complete === false) &&
      el("li", {}, el("i", { class: "mark open done" }), words.say("legendOpen")),
  );
}

function values(points, period, words) {
  const columns = [
    { title: words.say("date") },
    ...["expected", "done", "gap", "coverage"].map((key) => ({ title: words.say(key), number: true })),
    { title: words.say("complete") },
  ];
  const rows = points
    .map((point) => [
      words.when(period, point.date),
      words.number(point.expected),
      words.number(point.done),
      point.gap === null ? words.say("none") : words.signed(point.gap),
      words.measured(point.coverage, "%"),
      words.yesNo(point.complete),
    ])
    .reverse();
  return table(words.say("plan"), columns, rows);
}
