/** Whether the nights go well, and which figures crossed a threshold: hidden where the server has neither. */

import { el } from "../dom.js";
import { named } from "../filters.js";

const LEVELS = { green: ["✓", "levelGreen"], amber: ["!", "levelAmber"], red: ["✕", "levelRed"] };

function level(code, words) {
  const [glyph, key] = LEVELS[code] ?? LEVELS.amber;
  return el("span", { class: `level ${code}` }, el("span", { "aria-hidden": "true" }, `${glyph} `), words.say(key));
}

export const status = {
  id: "status",
  optional: true,
  question: () => ["status", {}],

  show({ level: whole, items }, { words }) {
    return {
      title: words.say("status"),
      tools: [level(whole, words)],
      picture: el(
        "ul",
        { class: "items" },
        items.map((item) =>
          el(
            "li",
            { "data-key": item.key },
            el("div", { class: "subhead" }, el("h3", {}, words.pick(item, "title")), level(item.level, words)),
            el("p", {}, words.pick(item, "detail")),
            item.level !== "green" && words.pick(item, "hint") && el("p", { class: "quiet" }, words.pick(item, "hint")),
          ),
        ),
      ),
    };
  },
};

export const alerts = {
  id: "alerts",
  optional: true,
  question: () => ["alerts", {}],

  show({ alerts: all }, context) {
    if (all.length === 0) return null;
    return {
      title: context.words.say("alerts"),
      picture: el("ul", { class: "items" }, all.map((alert) => el("li", { "data-code": alert.code }, about(alert, context)))),
    };
  },
};

/** An alert's scope and target may be ids, texts or {id, label}: what can be followed leads to its figures. */
function about(alert, { words, go }) {
  const [scope, target] = [alert.scope, alert.target];
  const label = [scope, target].filter(Boolean).map((one) => (typeof one === "object" ? named(one, words) : one)).join(" · ");
  const there = scope?.id && target?.id;
  const follow = () => go({ scope: scope.id, target: target.id, ...(alert.metric?.code || alert.metric ? { metric: alert.metric.code ?? alert.metric } : {}) });
  return [
    level(alert.level, words),
    el("p", {}, words.pick(alert, "message")),
    alert.since && el("p", { class: "quiet" }, words.say("since", { date: words.day(alert.since.slice(0, 10)) })),
    there && el("button", { type: "button", class: "button", on: { click: follow } }, label),
  ];
}
