
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
    if (svg.dataset.cube) turnable(svg, marks, clear);
  }

  // A map of three dimensions: dragging, or Shift with an arrow key, turns it. Mirrors projection.py.
  function turnable(svg, marks, clear) {
    const [cx, cy, radius, yaw0, pitch0] = svg.dataset.cube.split(" ").map(Number);
    let yaw = yaw0, pitch = pitch0, from = null;
    const points = marks.map(({ element }) => ({ element, p: element.dataset.p.split(" ").map(Number) }));
    const layer = marks[0].element.parentNode;
    const names = points.map(({ element }) => element.dataset.name ? label(element.dataset.name) : null);
    const edges = [...svg.querySelectorAll("[data-edge]")];

    function label(name) {
      const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
      text.textContent = name;
      text.setAttribute("class", "halo");
      text.setAttribute("font-size", "11.5");
      text.setAttribute("stroke", "var(--paper)");
      text.setAttribute("fill", "var(--ink)");
      return text;
    }

    function project([x, y, z]) {
      const turnedX = x * Math.cos(yaw) + z * Math.sin(yaw), deep = z * Math.cos(yaw) - x * Math.sin(yaw);
      const turnedY = y * Math.cos(pitch) - deep * Math.sin(pitch), depth = y * Math.sin(pitch) + deep * Math.cos(pitch);
      const scale = 3.2 / (3.2 - depth);
      return [cx + radius * scale * turnedX, cy - radius * scale * turnedY, scale];
    }

    function draw() {
      svg.querySelector(".placed")?.remove();
      const placed = points.map((point, index) => ({ ...point, name: names[index], at: project(point.p) }));
      placed.sort((one, other) => one.at[2] - other.at[2]);
      for (const { element, at: [x, y, scale] } of placed) {
        element.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${scale.toFixed(2)})`);
        const dense = Math.min(Math.max(0.55 + 0.9 * (scale - 0.8), 0.5), 1);
        element.lastElementChild.setAttribute("opacity", dense.toFixed(2));
        layer.append(element);
      }
      const taken = [];
      for (const { name, at: [x, y] } of placed.reverse()) { // the nearest name wins the place
        if (!name) continue;
        const width = name.textContent.length * 6.6, left = x + 8, top = y - 7;
        const free = !taken.some(([l, t, w]) => left < l + w && l < left + width && Math.abs(top - t) < 14);
        if (free) {
          taken.push([left, top, width]);
          name.setAttribute("x", left.toFixed(1));
          name.setAttribute("y", (y + 4).toFixed(1));
          layer.append(name);
        } else name.remove();
      }
      for (const edge of edges) {
        const [a, b, c, d, e, f] = edge.dataset.edge.split(" ").map(Number);
        const [start, end] = [project([a, b, c]), project([d, e, f])];
        edge.setAttribute("d", `M${start[0].toFixed(1)} ${start[1].toFixed(1)}L${end[0].toFixed(1)} ${end[1].toFixed(1)}`);
      }
    }

    function turn(right, down) {
      yaw += right;
      pitch = Math.min(Math.max(pitch + down, -1.4), 1.4);
      clear();
      requestAnimationFrame(draw);
    }

    svg.addEventListener("pointerdown", (event) => {
      from = [event.clientX, event.clientY];
      svg.setPointerCapture(event.pointerId);
      svg.classList.add("turning");
    });
    svg.addEventListener("pointermove", (event) => {
      if (!from) return;
      turn((event.clientX - from[0]) / 160, (event.clientY - from[1]) / 160);
      from = [event.clientX, event.clientY];
    });
    for (const end of ["pointerup", "pointercancel"]) {
      svg.addEventListener(end, () => { from = null; svg.classList.remove("turning"); });
    }
    svg.addEventListener("keydown", (event) => {
      const turns = { ArrowLeft: [-0.12, 0], ArrowRight: [0.12, 0], ArrowUp: [0, -0.12], ArrowDown: [0, 0.12] };
      if (!event.shiftKey || !(event.key in turns)) return;
      turn(...turns[event.key]);
      event.preventDefault();
    });
  }

  document.querySelectorAll("svg.live").forEach(arm);
})();
