/** Tiles: each indicator's value, how it changed, how far it can be trusted. */

import { el, explained, table, unseen } from "../dom.js";

const UNSEEN_CHANGE = 0.05; // less would be shown as 0

export const tiles = {
  id: "tiles",
  csv: true,

  question: ({ selection: { scope, target, period, date } }) => ["tiles", { scope, target, period, date }],

  show(answer, context) {
    const { words } = context;
    const title = words.say("tiles");
    if (answer.tiles.length === 0) return { title, picture: el("p", { class: "empty" }, words.say("noTiles")) };
    return {
      title,
      picture: el(
        "ul",
        { class: "tiles" },
        answer.tiles.map((tile) => card(tile, answer.period, context)),
      ),
      table: values(answer, words),
    };
  },
};

function card(tile, period, { selection, words, go }) {
  const chosen = tile.code === selection.metric;
  return el(
    "li",
    { class: "tile", "data-metric": tile.code, "data-chosen": chosen },
    el(
      "h3",
      {},
      el(
        "button",
        {
          type: "button",
          class: "plain",
          id: `tile-${tile.code}`,
          "aria-pressed": String(chosen),
          title: words.say("showCurve"),
          on: { click: () => go({ metric: tile.code }) },
        },
        words.pick(tile, "label"),
      ),
    ),
    el(
      "p",
      { class: "figure" },
      el("strong", {}, words.number(tile.value)),
      " ",
      el("span", { class: "unit" }, words.mark(tile.unit)),
    ),
    el("p", { class: "change" }, ...change(tile, period, words)),
    el("p", { class: "badges" }, badges(tile, words)),
  );
}

/** Arrow, sign and a word say what the colour says. */
function change(tile, period, words) {
  if (tile.change === null) return [el("span", { class: "quiet" }, words.say("noPrevious"))];
  const [shape, kind] = judged(tile);
  const unit = tile.unit === "%" ? words.say("points") : words.mark(tile.unit);
  return [
    el(
      "span",
      { class: kind },
      el("span", { "aria-hidden": "true" }, `${shape} `),
      words.signed(tile.change),
      "\u00a0",
      unit,
      unseen(`, ${words.say(kind)}`),
    ),
    " ",
    el("span", { class: "quiet" }, words.say("since", { date: words.when(period, tile.previous_on) })),
  ];
}

function judged({ change, higher_is_better: higherIsBetter }) {
  if (Math.abs(change) < UNSEEN_CHANGE) return ["=", "same"];
  return [change > 0 ? "▲" : "▼", change > 0 === higherIsBetter ? "better" : "worse"];
}

/** The badge of a reliability ("high", "medium", "low") with its reasons. */
export function reliability({ reliability: level, sample_size: sample, denominator }, words) {
  const ratio =
    denominator === null || denominator === undefined
      ? ""
      : words.say("reliabilityRatio", { n: words.number(denominator) });
  const why = `${words.name("reliability", level)}. ${words.say("reliabilityWhy", { n: words.number(sample), ratio })}`;
  return explained(words.say(`reliability-${level}`), why, `badge ${level}`);
}

function badges(tile, words) {
  const few = tile.reconstructed > 0 && words.say("reconstructedWhy", { n: words.number(tile.reconstructed) });
  return [
    reliability(tile, words),
    tile.complete === false && explained(words.say("toDate"), words.say("toDateWhy"), "badge open"),
    few && explained(words.say("reconstructed"), few, "badge reconstructed"),
  ];
}

function values({ tiles: all }, words) {
  const columns = [
    { title: words.say("metric") },
    { title: words.say("value"), number: true },
    { title: words.say("unit") },
    { title: words.say("previous"), number: true },
    { title: words.say("change"), number: true },
    { title: words.say("ratio"), number: true },
    { title: words.say("sample"), number: true },
    { title: words.say("reliability") },
  ];
  const rows = all.map((tile) => [
    words.pick(tile, "label"),
    words.exact(tile.value),
    words.mark(tile.unit),
    words.exact(tile.previous),
    tile.change === null ? words.say("none") : words.signed(tile.change),
    ratio(tile, words),
    words.number(tile.sample_size),
    words.say(`reliability-${tile.reliability}`),
  ]);
  return table(words.say("tiles"), columns, rows);
}

/** "17 / 48"; a dash where the figure is no ratio. */
export function ratio({ numerator, denominator }, words) {
  return denominator === null ? words.say("none") : `${words.number(numerator)} / ${words.number(denominator)}`;
}
