/** Light or dark: as Airflow's own pages around this one, else as the system asks (page.css does that by itself). */

/** Follow the theme of Airflow's page; `changed` is called after each change, the system's too. */
export function followTheme(changed) {
  const outer = airflowRoot();
  const adopt = () => {
    const theme = ["dark", "light"].find((name) => outer.classList.contains(name));
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };
  if (outer) {
    adopt();
    const observer = new MutationObserver(() => {
      adopt();
      changed();
    });
    observer.observe(outer, { attributes: true, attributeFilter: ["class"] });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}

function airflowRoot() {
  try {
    return window.parent === window ? null : window.parent.document.documentElement;
  } catch {
    return null; // framed by a page of another origin
  }
}

/** A colour of page.css as it is in the theme in force, for canvases: they know no CSS variables. */
export function colour(name, around) {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  around.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
