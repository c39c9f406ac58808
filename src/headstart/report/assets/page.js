
"use strict";
// Hovering, touch and keyboard for the drawings. Without it, marks keep their <title>, which browsers show.
(() => {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("role", "status");
  document.body.append(tip);
  const REACH = 24; // how far from a small mark a pointer may be, in pixels

  // Over a dot, or beside a guide line, which must stay visible; always inside the window.
  function show(text, x, y, beside) {
    tip.textContent = text;
    const { width, height } = tip.getBoundingClientRect();
    const room = document.documentElement.clientWidth - width - 8;
    const right = x + 14 <= room ? x + 14 : x - width - 14;
    const above = y - height - 14;
    tip.style.left = `${Math.max(beside ? right : Math.min(x - width / 2, room), 8)}px`;
    tip.style.top = `${beside ? Math.max(y + 4, 8) : above < 8 ? y + 18 : above}px`;
  }

  function arm(svg) {
    const marks = [...svg.querySelectorAll(".mark")].map((element) => {
      const title = element.querySelector("title");
      const text = title.textContent;
      title.remove(); // else the browser shows it as well
      return { element, text, spot: element.querySelector(".guide") === null };
    });
    let current = -1;

    function clear() {
      if (current >= 0) marks[current].element.classList.remove("on");
      tip.textContent = "";
    }

    function choose(index) {
      clear();
      current = index;
      const { element, text, spot } = marks[index];
      element.classList.add("on");
      const box = (spot ? element : element.lastElementChild).getBoundingClientRect();
      show(text, box.left + box.width / 2, box.top, !spot);
    }

    // The mark under the pointer, or the nearest small one within reach.
    function under(event) {
      const hit = event.target.closest(".mark");
      if (hit) return marks.findIndex((mark) => mark.element === hit);
      const toPage = svg.getScreenCTM();
      let best = -1, least = REACH ** 2;
      marks.forEach((mark, index) => {
        if (!mark.spot) return;
        const { e, f } = mark.element.transform.baseVal[0].matrix;
        const dx = toPage.a * e + toPage.e - event.clientX, dy = toPage.d * f + toPage.f - event.clientY;
        if (dx * dx + dy * dy < least) { least = dx * dx + dy * dy; best = index; }
      });
      return best;
    }

    const point = (event) => {
      const index = under(event);
      if (index < 0) clear();
      else if (index !== current || !tip.textContent) choose(index);
    };
    svg.addEventListener("pointermove", point);
    svg.addEventListener("pointerdown", point);
    svg.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") clear(); });
    svg.addEventListener("blur", clear);
    svg.addEventListener("focus", () => { if (svg.matches(":focus-visible")) choose(Math.max(current, 0)); });
    svg.addEventListener("keydown", (event) => {
      if (event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
      const last = marks.length - 1;
      const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
      if (event.key in steps) choose((current + steps[event.key] + marks.length) % marks.length);
      else if (event.key === "Home") choose(0);
      else if (event.key === "End") choose(last);
      else if (event.key === "Escape") clear();
      else return;
      event.preventDefault();
    });
  }

  // Buttons below a chart switch its grey lines on and off, in the drawing for wide windows and in that for phones.
  function toggles(row) {
    row.hidden = false;
    const lines = [...row.parentElement.querySelectorAll(".toggle")];
    row.querySelectorAll("button").forEach((button) => {
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", on);
        lines.filter((line) => line.dataset.name === button.textContent)
          .forEach((line) => { line.classList.toggle("on", on); line.parentNode.append(line); });
      });
    });
  }

  document.querySelectorAll("svg.live").forEach(arm);
  document.querySelectorAll(".toggles").forEach(toggles);
})();
