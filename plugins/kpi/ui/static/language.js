/** Words, numbers and dates in the chosen language. */

import { PERIODS } from "./dates.js";
import { MESSAGES } from "./messages.js";

const LOCALES = { fr: "fr-FR", en: "en-GB" };

/** What the page needs of a language; `labels` are the server's names of codes: {group: {code: {fr, en}}}. */
export function language(code, labels = {}) {
  const locale = LOCALES[code];
  const number = (options) => new Intl.NumberFormat(locale, options);
  const one = number({ maximumFractionDigits: 1 });
  const exact = number({ maximumFractionDigits: 4 });
  const signed = number({ maximumFractionDigits: 1, signDisplay: "exceptZero" });
  // A date is the server's local day, an instant is shown in the reader's zone.
  const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  const digits = new Intl.DateTimeFormat(locale, {
    day: "2-digit",
    month: "2-digit",
    year: "numeric",
    timeZone: "UTC",
  });
  const shortDay = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: "UTC" });
  const shortMonth = new Intl.DateTimeFormat(locale, { month: "short", year: "2-digit", timeZone: "UTC" });
  const month = new Intl.DateTimeFormat(locale, { month: "long", year: "numeric", timeZone: "UTC" });
  const moment = new Intl.DateTimeFormat(locale, {
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  });

  const words = {
    code,
    /** A message of messages.js with its {places} filled in. */
    say(key, places = {}) {
      return MESSAGES[code][key].replace(/\{(\w+)\}/g, (_, name) => places[name]);
    },
    /** "label: value", with the language's own space before the colon. */
    about: (label, value) => `${label}${code === "fr" ? "\u00a0" : ""}: ${value}`,
    /**
     * The field of an answer that is in this language, else the other: `label` and `label_en`, `title_fr` and
     * `title_en`.
     */
    pick(object, field) {
      return object[`${field}_${code}`] ?? object[field] ?? object[`${field}_fr`] ?? "";
    },
    /** The server's name for a code; the code itself where it has none. */
    name(group, key) {
      return labels[group]?.[key]?.[code] ?? key;
    },
    number: (value) => (value === null || value === undefined ? words.say("none") : one.format(value)),
    exact: (value) => (value === null || value === undefined ? words.say("none") : exact.format(value)),
    signed: (value) => signed.format(value),
    /** A value with its unit. */
    measured(value, unit) {
      const mark = words.mark(unit);
      return value === null || value === undefined || !mark ? words.number(value) : `${one.format(value)}\u00a0${mark}`;
    },
    /** How a unit is written after a number: nothing for counts and ratios. */
    mark: (unit) => (unit === "nb" || unit === "ratio" ? "" : words.name("unit", unit)),
    day: (text) => day.format(new Date(`${text}T00:00:00Z`)),
    digits: (text) => digits.format(new Date(`${text}T00:00:00Z`)),
    shortDay: (text) => shortDay.format(new Date(`${text}T00:00:00Z`)),
    shortMonth: (text) => shortMonth.format(new Date(`${text}T00:00:00Z`)),
    month: (text) => month.format(new Date(`${text}T00:00:00Z`)),
    moment: (text) => (text ? moment.format(new Date(text)) : words.say("none")),
    /** The date of a period in words. */
    when: (period, text) => (PERIODS[period].monthly ? words.month(text) : words.day(text)),
    /** The same in short, along an axis. */
    tick: (period) => (PERIODS[period].monthly ? words.shortMonth : words.shortDay),
    yesNo: (value) => (value === null || value === undefined ? words.say("none") : words.say(value ? "yes" : "no")),
  };
  return words;
}
