/** Curves over time on a canvas, by uPlot. What they show stands in the section's table too. */

import { seconds } from "./dates.js";
import { el } from "./dom.js";
import { colour } from "./theme.js";

const HEIGHT = 240;
const LABEL = 76; // pixels that a date on the axis needs
const MANY = 100; // points: beyond, the line's own marks are left out

/**
 * Draw curves. `dates`: ISO days; `series`: [{label, values, colour, kind}], where `kind` is "line" (with gaps where a
 * value is null), "dashed", or marks without a line: "open" rings, "dots"; `range`: [least, most] or null to fit;
 * `tell(index)` says in words what is under the pointer, `tick(iso)` and `number(value)` name axes. Returns {element,
 * dispose}.
 */
export function curve({ dates, series, range, describe, tell, tick, number }) {
  const readout = el("p", { class: "readout", "aria-hidden": "true" });
  const canvas = el("div", { class: "curve", role: "img", "aria-label": describe });
  const element = el("div", {}, readout, canvas);
  let plot = null;

  function draw() {
    plot?.destroy();
    const ink = colour("ink-soft", canvas);
    const line = colour("line", canvas);
    const axis = {
      stroke: ink,
      grid: { stroke: line, width: 1 },
      ticks: { stroke: line, width: 1, size: 4 },
      font: "12px sans-serif",
    };
    const options = {
      width: Math.max(canvas.clientWidth, 200),
      height: HEIGHT,
      tzDate: (stamp) => window.uPlot.tzDate(new Date(stamp * 1000), "Etc/UTC"),
      legend: { show: false },
      cursor: { drag: { setScale: false }, points: { show: false } },
      scales: { x: { time: true }, y: { range: range ?? fit } },
      axes: [
        { ...axis, splits: named, size: 32, values: (_, stamps) => stamps.map((stamp) => tick(iso(stamp))) },
        { ...axis, size: 48, values: (_, values) => values.map(number) },
      ],
      series: [{}, ...series.map((one) => look(one, dates.length, canvas))],
      hooks: { setCursor: [({ cursor }) => (readout.textContent = cursor.idx == null ? "" : tell(cursor.idx))] },
    };
    plot = new window.uPlot(options, [dates.map(seconds), ...series.map(({ values }) => values)], canvas);
  }

  const watcher = new ResizeObserver(() => {
    if (!canvas.clientWidth) return;
    if (plot) plot.setSize({ width: canvas.clientWidth, height: HEIGHT });
    else draw();
  });
  watcher.observe(canvas);
  const redraw = () => plot && draw();
  document.addEventListener("kpi:theme", redraw);
  const dispose = () => {
    watcher.disconnect();
    document.removeEventListener("kpi:theme", redraw);
    plot?.destroy();
  };
  return { element, dispose };
}

function look({ kind, colour: name }, count, around) {
  const stroke = colour(name, around);
  const ground = colour("surface", around);
  if (kind === "open") return { stroke, paths: () => null, points: { show: true, size: 10, width: 2, fill: ground } };
  if (kind === "dots") return { stroke, paths: () => null, points: { show: true, size: 5, fill: stroke } };
  const marks = count > MANY ? {} : { points: { show: true, size: 5, fill: stroke } };
  return { stroke, width: 2, dash: kind === "dashed" ? [6, 5] : undefined, spanGaps: false, ...marks };
}

/** The dates that the axis names: some of those drawn, as many as there is room for. */
function named({ data: [stamps], width }) {
  const every = Math.ceil((stamps.length * LABEL) / width);
  return stamps.filter((_, index) => (stamps.length - 1 - index) % every === 0);
}

/** A scale from zero, or from below it, to a little above the greatest value. */
function fit(_, least, most) {
  return [Math.min(0, least ?? 0), Math.max(1, (most ?? 1) * 1.1)];
}

function iso(stamp) {
  return new Date(stamp * 1000).toISOString().slice(0, 10);
}
