/* Comfort on top of pages that work without it: keys, filters that apply themselves, links on rows. */
(() => {
  "use strict";
  const rows = () => [...document.querySelectorAll("tr.row")];
  const typing = (target) => target.closest("input, select, textarea, [contenteditable]");

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      document.querySelectorAll("details.account[open]").forEach((each) => { each.open = false; });
      if (typing(event.target)) event.target.blur();
      return;
    }
    if (typing(event.target)) return;
    if (event.key === "/") {
      event.preventDefault();
      document.querySelector("#find")?.focus();
    } else if (event.key === "j" || event.key === "k") {
      const all = rows();
      if (!all.length) return;
      const now = all.findIndex((row) => row.classList.contains("here"));
      const next = Math.max(0, Math.min(all.length - 1, now + (event.key === "j" ? 1 : -1)));
      all.forEach((row) => row.classList.remove("here"));
      all[next].classList.add("here");
      all[next].scrollIntoView({ block: "nearest" });
      all[next].querySelector("a")?.focus({ preventScroll: true });
    } else if (event.key === "n") {
      document.querySelector("a[rel=next]")?.click();
    } else if (event.key === "x") {
      document.querySelector("tr.row.here [data-tick]")?.click();
    } else if (event.key === "a") {
      document.querySelector("[data-act-first]")?.focus();
    }
  });

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-apply]");
    if (form && event.target.matches("select")) form.requestSubmit();
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) {
      navigator.clipboard?.writeText(button.dataset.copy).then(() => { button.textContent = "Copied"; });
      return;
    }
    if (event.target.closest("[data-print]")) { window.print(); return; }
    document.querySelectorAll("details.account[open]").forEach((each) => {
      if (!each.contains(event.target)) each.open = false;
    });
  });

  /* Addresses stay short: what is not chosen is not sent. */
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.verb !== "get") return;
    [...event.detail.formData.entries()].forEach(([name, value]) => {
      if (value === "") event.detail.formData.delete(name);
    });
  });

  /* One box for all rows of the page, and the number of those that are ticked. */
  const ticked = () => [...document.querySelectorAll("[data-tick]:checked")];
  const count = () => {
    document.querySelectorAll("[data-ticked]").forEach((each) => { each.textContent = ticked().length; });
  };
  const ready = () => {
    document.querySelectorAll("[data-tick-all]").forEach((each) => { each.hidden = false; });
    count();
  };
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-tick-all]")) {
      document.querySelectorAll("[data-tick]").forEach((each) => { each.checked = event.target.checked; });
    }
    if (event.target.matches("[data-tick], [data-tick-all]")) count();
  });
  document.addEventListener("htmx:afterSwap", ready);
  ready();

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "get" || form.hasAttribute("hx-get")) return;
    form.querySelectorAll("input, select").forEach((field) => {
      if (field.value === "") field.disabled = true;
    });
    setTimeout(() => form.querySelectorAll(":disabled").forEach((field) => { field.disabled = false; }));
  });
})();
