/** Elements made from data: text goes in as text, never as markup. */

/**
 * Make an element. Properties: `class`, `on` ({event: listener}), `style` ({property: value}), any attribute; true
 * sets an empty attribute, null, undefined and false leave it out. Children: nodes, texts, lists of them; null is left
 * out.
 */
export function el(tag, properties = {}, ...children) {
  const { on = {}, style = {}, ...attributes } = properties;
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  // Through the object model: the page's content policy refuses style attributes.
  for (const [name, value] of Object.entries(style)) element.style.setProperty(name, value);
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

let made = 0;

/** An id that no other element of the page has. */
export function newId(prefix) {
  made += 1;
  return `${prefix}-${made}`;
}

/** Change what a container holds; the focus stays on the element of the same id. */
export function keepFocus(container, change) {
  const focused = container.contains(document.activeElement) ? document.activeElement.id : "";
  change();
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** Text for screen readers only. */
export function unseen(text) {
  return el("span", { class: "unseen" }, text);
}

/** A short text with its explanation, shown on hover, on focus and to screen readers; Escape hides it. */
export function explained(content, explanation, className) {
  const id = newId("tip");
  const hide = (event) => event.key === "Escape" && event.currentTarget.blur();
  return el(
    "span",
    { class: "explained" },
    el("button", { type: "button", class: className, "aria-describedby": id, on: { keydown: hide } }, content),
    el("span", { id, role: "tooltip" }, explanation),
  );
}

/**
 * A table in a frame that scrolls by itself on narrow screens.
 * `columns`: [{ title, number }]; `rows`: lists of texts or nodes, the first of each heads its row.
 */
export function table(caption, columns, rows) {
  const kind = (index) => (columns[index].number ? "number" : null);
  return el(
    "div",
    { class: "frame", tabindex: "0", role: "group", "aria-label": caption },
    el(
      "table",
      {},
      el("caption", { class: "unseen" }, caption),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          columns.map(({ title }, i) => el("th", { scope: "col", class: kind(i) }, title)),
        ),
      ),
      el(
        "tbody",
        {},
        rows.map((cells) =>
          el(
            "tr",
            {},
            cells.map((cell, i) => el(i ? "td" : "th", { scope: i ? null : "row", class: kind(i) }, cell)),
          ),
        ),
      ),
    ),
  );
}
