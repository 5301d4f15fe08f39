/** The curve of one indicator by day, week, month or window. */

import { curve } from "../curve.js";
import { PERIODS, step } from "../dates.js";
import { el, table } from "../dom.js";
import { choices } from "../filters.js";
import { ratio } from "./tiles.js";

const BACK = { D: 89, W: 25, M: 12, R: 89 }; // periods before the chosen one

export const evolution = {
  id: "evolution",
  csv: true,
  needsTarget: true,

  question({ selection: { scope, target, metric, date }, curvePeriod: period }) {
    if (!metric) return null;
    const range = date ? { from: step(period, date, -BACK[period]), to: date } : {};
    return ["evolution", { scope, target, metric, period, ...range }];
  },

  show(answer, context) {
    const { words, metrics } = context;
    const title = words.say("evolution");
    if (!answer) return { title, picture: el("p", { class: "empty" }, words.say("noMetric")) };
    const metric = metrics.find(({ code }) => code === answer.metric);
    const points = sinceFirst(answer.points, ({ value }) => value !== null);
    if (points.length === 0)
      return { title, tools: tools(context), picture: el("p", { class: "empty" }, words.say("noFigures")) };
    const drawn = curve(drawing(points, answer.period, metric, words));
    return {
      title,
      tools: tools(context),
      picture: [drawn.element, legend(points, words)],
      table: values(points, answer.period, metric, words),
      dispose: drawn.dispose,
    };
  },
};

/** The points from the first one known: before it there was nothing yet, which is no gap. */
export function sinceFirst(points, isKnown) {
  const first = points.findIndex(isKnown);
  return first < 0 ? [] : points.slice(first);
}

function tools({ selection, curvePeriod, metrics, words, go }) {
  const select = el(
    "select",
    {
      id: "metric",
      autocomplete: "off",
      "aria-label": words.say("metric"),
      on: { change: (event) => go({ metric: event.target.value }) },
    },
    metrics.map((one) =>
      el("option", { value: one.code, selected: one.code === selection.metric }, words.pick(one, "label")),
    ),
  );
  if (selection.period === "R") return [select];
  const curves = Object.keys(PERIODS).filter((value) => PERIODS[value].curve);
  const periods = curves.map((value) => ({ value, label: words.name("period", value) }));
  const radios = choices("curve", periods, curvePeriod, (value) => go({ curve: value }));
  return [select, el("fieldset", { class: "bare" }, el("legend", { class: "unseen" }, words.say("curve")), radios)];
}

function drawing(points, period, metric, words) {
  const known = points.filter(({ value }) => value !== null);
  const where = (test) => points.map((point) => (point.value !== null && test(point) ? point.value : null));
  const percent = metric.unit === "%" || metric.unit === "points";
  const [first, last] = [known[0], known.at(-1)];
  return {
    dates: points.map(({ date }) => date),
    range: percent ? [0, Math.max(100, ...known.map(({ value }) => value))] : null,
    series: [
      { kind: "line", colour: "curve", values: points.map(({ value }) => value) },
      { kind: "dots", colour: "reconstructed", values: where(({ reconstructed }) => reconstructed > 0) },
      { kind: "open", colour: "curve", values: where(({ complete }) => complete === false) },
    ],
    tick: words.tick(period),
    number: words.number,
    tell: (index) => told(points[index], period, metric, words),
    describe: words.say("curveSummary", {
      metric: words.pick(metric, "label"),
      from: words.when(period, first.date),
      first: words.measured(first.value, metric.unit),
      to: words.when(period, last.date),
      last: words.measured(last.value, metric.unit),
      points: known.length,
      gaps: points.length - known.length,
    }),
  };
}

function told(point, period, metric, words) {
  const value = point.value === null ? words.say("noRow") : words.measured(point.value, metric.unit);
  const remarks = [
    point.complete === false && words.say("toDate"),
    point.reconstructed > 0 && words.say("reconstructed").toLowerCase(),
  ];
  return [words.about(words.when(period, point.date), value), ...remarks.filter(Boolean)].join(" · ");
}

function legend(points, words) {
  const has = (test) => points.some((point) => point.value !== null && test(point));
  const marks = [
    ["line", "legendValue", true],
    ["open", "legendOpen", has(({ complete }) => complete === false)],
    ["dot", "legendReconstructed", has(({ reconstructed }) => reconstructed > 0)],
    ["gap", "legendGap", points.some(({ value }) => value === null)],
  ];
  return el(
    "ul",
    { class: "legend", "aria-hidden": "true" },
    marks
      .filter(([, , shown]) => shown)
      .map(([mark, key]) => el("li", {}, el("i", { class: `mark ${mark}` }), words.say(key))),
  );
}

function values(points, period, metric, words) {
  const columns = [
    { title: words.say("date") },
    { title: words.say("value"), number: true },
    { title: words.say("ratio"), number: true },
    { title: words.say("sample"), number: true },
    { title: words.say("complete") },
    { title: words.say("reconstructed"), number: true },
  ];
  const rows = points
    .map((point) => [
      words.when(period, point.date),
      point.value === null ? words.say("noRow") : words.exact(point.value),
      ratio(point, words),
      words.number(point.sample_size),
      words.yesNo(point.complete),
      words.number(point.reconstructed),
    ])
    .reverse();
  return table(`${words.say("evolution")} · ${words.pick(metric, "label")}`, columns, rows);
}
