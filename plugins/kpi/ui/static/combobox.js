/** A text box that searches while one types and offers what it finds (the pattern "combobox" of WAI-ARIA). */

import { el, newId } from "./dom.js";

const PAUSE_MS = 150; // of typing, before a search

/**
 * Make one whose box has this id. `search(text, signal)` answers {options: [{id, label}], note, count};
 * `choose(option)` is called with the one taken; `texts`: {label, hint}. `shown` is the label of what is chosen now.
 * One that takes the place of a box that is being typed into goes on with its text.
 */
export function combobox({ id, search, choose, texts, shown }) {
  const typed = typedInto(id);
  const ids = { input: id, list: newId("list"), hint: newId("hint") };
  const list = el("ul", { id: ids.list, role: "listbox", "aria-label": texts.label, hidden: true });
  const said = el("span", { class: "unseen", role: "status" });
  const input = el("input", {
    id: ids.input,
    type: "text",
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": ids.list,
    "aria-describedby": ids.hint,
    value: shown, // the default, to which the box goes back
  });

  let options = [];
  let active = -1;
  let timer = null;
  let asked = null; // the search under way

  function close() {
    clearTimeout(timer);
    asked?.abort();
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function cancel() {
    close();
    input.value = input.defaultValue;
  }

  function take(option) {
    input.defaultValue = option.label;
    cancel();
    choose(option);
  }

  function mark(index) {
    active = index;
    options.forEach(({ element }, i) => element.setAttribute("aria-selected", String(i === active)));
    options[active].element.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", options[active].element.id);
  }

  function offer({ options: found, note, count }) {
    options = found.map((option) => ({
      ...option,
      element: el(
        "li",
        // Not `click`: the box would lose the focus first, and close.
        {
          id: newId("option"),
          role: "option",
          "aria-selected": "false",
          on: { mousedown: (event) => event.preventDefault() },
        },
        option.label,
      ),
    }));
    for (const option of options) option.element.addEventListener("click", () => take(option));
    const remark = note ? el("li", { role: "presentation", class: "note" }, note) : null;
    list.replaceChildren(...options.map(({ element }) => element), ...(remark ? [remark] : []));
    list.hidden = false;
    active = -1;
    input.setAttribute("aria-expanded", "true");
    input.removeAttribute("aria-activedescendant");
    said.textContent = [count, note].filter(Boolean).join(". ");
  }

  async function look(text) {
    asked?.abort();
    asked = new AbortController();
    const { signal } = asked;
    try {
      const found = await search(text, signal);
      if (!signal.aborted) offer(found);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  }

  const keys = {
    ArrowDown: () => (list.hidden ? look("") : options.length && mark((active + 1) % options.length)),
    ArrowUp: () => options.length && !list.hidden && mark((active - 1 + options.length) % options.length),
    Enter: () => active >= 0 && take(options[active]),
    Escape: cancel,
  };
  input.addEventListener("keydown", (event) => {
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => look(input.value.trim()), PAUSE_MS);
  });
  input.addEventListener("focus", () => input.value === input.defaultValue && input.select());
  input.addEventListener("click", () => list.hidden && look(""));
  input.addEventListener("blur", cancel);
  if (typed !== null) {
    input.value = typed;
    look(typed.trim());
  }

  return el(
    "div",
    { class: "field combobox" },
    el("label", { for: ids.input }, texts.label),
    input,
    list,
    el("span", { id: ids.hint, class: "unseen" }, texts.hint),
    said,
  );
}

/** What is being typed into the box of this id; null when there is none or it shows what is chosen. */
function typedInto(id) {
  const input = document.getElementById(id);
  const used = input && input === document.activeElement && input.value !== input.defaultValue;
  return used ? input.value : null;
}
