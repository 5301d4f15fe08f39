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
      picture: el(
        "ul",
        { class: "items" },
        all.map((alert) => el("li", { "data-code": alert.code }, about(alert, context))),
      ),
    };
  },
};

/** An alert leads to the figures that it is about, where it is about some. */
function about(alert, { words, go }) {
  const { scope, target } = alert;
  const there = [scope, target].filter(Boolean);
  const follow = () => go({ ...(scope && { scope: scope.id }), ...(target && { target: target.id }) });
  return [
    level(alert.level, words),
    el("p", {}, words.pick(alert, "message")),
    there.length > 0 &&
      el(
        "button",
        { type: "button", class: "button", on: { click: follow } },
        there.map((one) => named(one, words)).join(" · "),
      ),
  ];
}
