/** What the ledger tells: how fresh the figures are, and what of the source could not be used. */

import { el, table } from "../dom.js";

const REJECTS_LISTED = 100;

export const freshness = {
  id: "freshness",
  csv: true,
  question: () => ["freshness", {}],

  show({ captured_at: capturedAt, facts }, { words }) {
    const days = facts.filter(({ period, last_date: date }) => period === "D" && date);
    const latest = days
      .map(({ last_date: date }) => date)
      .sort()
      .at(-1);
    const failed = facts.filter(({ state }) => state === "FAILED");
    return {
      title: words.say("freshness"),
      picture: [
        el(
          "p",
          {},
          capturedAt ? words.say("capturedAt", { date: words.moment(capturedAt) }) : words.say("neverComputed"),
        ),
        latest && el("p", { class: "quiet" }, words.say("figuresOf", { date: words.day(latest) })),
        facts.length > 0 && factsTable(facts, words),
        failed.map((one) =>
          el("p", { class: "error" }, words.about(written(one, words), words.say("failed")), ". ", one.message),
        ),
      ],
      csv: facts.length > 0,
    };
  },
};

function written({ table: name, period }, words) {
  return [words.name("table", name), period && words.name("period", period)].filter(Boolean).join(" · ");
}

function factsTable(facts, words) {
  const columns = [
    { title: words.say("tableName") },
    { title: words.say("lastDate") },
    { title: words.say("writtenAt") },
    { title: words.say("rows"), number: true },
    { title: words.say("state") },
  ];
  const rows = facts.map((one) => [
    written(one, words),
    one.last_date ? words.day(one.last_date) : words.say("none"),
    words.moment(one.finished_at),
    words.number(one.rows),
    words.say({ DONE: "ok", FAILED: "failed" }[one.state] ?? "none"),
  ]);
  return table(words.say("freshness"), columns, rows);
}

export const rejects = {
  id: "rejects",
  csv: true,
  question: () => ["rejects", { limit: REJECTS_LISTED }],

  show({ total, reasons, rows }, { words }) {
    const title = words.say("rejects");
    if (total === 0) return { title, picture: el("p", { class: "empty good" }, words.say("noRejects")) };
    return {
      title,
      picture: [el("p", {}, words.say("rejectsCount", { n: words.number(total) })), reasonsTable(reasons, words)],
      table: rejectedTable(rows, words),
      summary: words.say("rejectsTable"),
    };
  },
};

function fieldOf(field, words) {
  return field || words.say("wholeRow");
}

function reasonsTable(reasons, words) {
  const columns = [
    { title: words.say("reason") },
    { title: words.say("relation") },
    { title: words.say("field") },
    { title: words.say("rows"), number: true },
    { title: words.say("current"), number: true },
  ];
  const rows = reasons.map((one) => [
    words.name("reason", one.reason),
    words.name("relation", one.relation),
    fieldOf(one.field, words),
    words.number(one.rows),
    words.number(one.current),
  ]);
  return table(words.say("rejects"), columns, rows);
}

function rejectedTable(rejected, words) {
  const columns = ["key", "relation", "field", "reason", "detail", "lastSeen"].map((key) => ({
    title: words.say(key),
  }));
  const rows = rejected.map((one) => [
    one.source_key,
    words.name("relation", one.relation),
    fieldOf(one.field, words),
    words.name("reason", one.reason),
    one.detail ?? words.say("none"),
    words.moment(one.last_seen_at),
  ]);
  return table(words.say("rejects"), columns, rows);
}
