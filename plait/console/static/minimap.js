// The whole trace in little; a range drawn on it with the pointer is what the waterfall shows.

import { svg } from "/static/lib.js";

const HEIGHT = 60;

export class Minimap {
  constructor(root, zoom) {
    this.root = root;
    this.zoom = zoom;
    this.from = null; // where the pointer went down, as a share of the width
    root.addEventListener("pointerdown", (event) => {
      this.from = this.share(event);
      root.setPointerCapture(event.pointerId);
    });
    root.addEventListener("pointermove", (event) => { if (this.from != null) this.draw(this.from, this.share(event)); });
    root.addEventListener("pointerup", (event) => this.chose(this.share(event)));
    root.addEventListener("dblclick", () => zoom(null));
  }

  show(fall) {
    this.fall = fall;
    const wide = Math.max(1, fall.duration_nanos);
    const step = (HEIGHT - 8) / fall.rows.length;
    const lines = fall.rows.map((row, index) => svg("rect", {
      class: row.error ? "bad" : row.received ? `c${row.color}` : "missing",
      x: `${(row.offset_nanos / wide) * 100}%`,
      y: 4 + index * step,
      width: `${Math.max(0.2, (row.duration_nanos / wide) * 100)}%`,
      height: Math.max(1, Math.min(4, step * 0.75)),
    }));
    this.before = svg("rect", { class: "outside", x: 0, y: 0, height: HEIGHT });
    this.after = svg("rect", { class: "outside", y: 0, height: HEIGHT });
    this.root.replaceChildren(svg("svg", { width: "100%", height: HEIGHT }, lines, this.before, this.after));
    if (this.marked) this.mark(...this.marked);
  }

  mark(from, to) {
    this.marked = [from, to];
    if (!this.fall) return;
    const wide = Math.max(1, this.fall.duration_nanos);
    this.draw(from / wide, to / wide);
  }

  draw(one, other) {
    const [from, to] = [Math.max(0, Math.min(one, other)), Math.min(1, Math.max(one, other))];
    this.before.setAttribute("width", `${from * 100}%`);
    this.after.setAttribute("x", `${to * 100}%`);
    this.after.setAttribute("width", `${(1 - to) * 100}%`);
  }

  chose(to) {
    if (this.from == null) return;
    const [low, high] = [Math.min(this.from, to), Math.max(this.from, to)];
    this.from = null;
    const wide = this.fall.duration_nanos;
    if (high - low < 0.005) this.mark(...this.marked); // a click, not a range
    else this.zoom(Math.round(low * wide), Math.round(high * wide));
  }

  share(event) {
    const box = this.root.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  }
}
