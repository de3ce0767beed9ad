// Filters the list of items. The page is complete without it: all items are there, in closed <details> elements.
"use strict";
(() => {
  const form = document.querySelector("form.filters");
  const items = [...document.querySelectorAll("details.item")].map((node) => ({
    node,
    kind: node.dataset.kind,
    values: node.dataset.values.trim().split(/\s+/).map(Number),
    failed: "failed" in node.dataset,
    text: "",
  }));
  if (!form || !items.length) return;
  const field = (name) => form.elements.namedItem(name);
  const armIndex = (name) => field(name).selectedIndex - 1; // arms are listed in the order of the values

  const textOf = (item) => {
    item.text ||= [...item.node.querySelectorAll(".id, .find")].map((n) => n.textContent).join(" ").toLowerCase();
    return item.text;
  };
  const outcomes = {
    "": () => true,
    disagree: (item) => new Set(item.values).size > 1,
    right: (item) => item.values.every((value) => value === 1),
    wrong: (item) => item.values.every((value) => value === 0),
    failed: (item) => item.failed,
  };
  const compare = (values, better, worse) => {
    if (better < 0 && worse < 0) return true;
    const low = worse < 0 ? Math.min(...values) : values[worse];
    const high = better < 0 ? Math.max(...values) : values[better];
    return high > low;
  };

  const show = () => {
    const words = field("text").value.toLowerCase().split(/\s+/).filter(Boolean);
    const [kind, outcome] = [field("kind").value, outcomes[field("outcome").value]];
    const [better, worse] = [armIndex("better"), armIndex("worse")];
    let shown = 0;
    for (const item of items) {
      const matches =
        (!kind || item.kind === kind) &&
        outcome(item) &&
        compare(item.values, better, worse) &&
        words.every((word) => textOf(item).includes(word));
      item.node.hidden = !matches;
      shown += matches;
    }
    form.querySelector("output").textContent = `${shown} of ${items.length} items`;
    document.getElementById("no-item").hidden = shown > 0;
  };

  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(show));
  for (const link of document.querySelectorAll("a[data-better]")) {
    link.addEventListener("click", () => {
      form.reset();
      field("better").value = link.dataset.better;
      field("worse").value = link.dataset.worse;
      show();
    });
  }
  form.hidden = false;
  show();
})();
