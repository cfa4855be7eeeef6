// The waterfall: a tree grid with one row a span, moved through by mouse or keyboard.

import { duration, h, isBad, short } from "/static/lib.js";

const TICKS = [0, 0.25, 0.5, 0.75, 1];
const INDENT = 14; // pixels a level
const DEEPEST = 14; // levels that are drawn as indent; deeper ones stand at the same place

function tickWords(tick, from, wide) {
  if (tick === 0) return from ? duration(from) : "0";
  return `${from ? "+" : ""}${duration(tick * wide)}`;
}

/** The name in two parts: where it is too long, the method shows and its service is cut. */
function words(name) {
  const [, head, tail] = /^(.*\/)?(.*)$/s.exec(short(name));
  return head && tail && !/\s/.test(name) ? [h("span", { class: "head" }, head), h("span", { class: "tail" }, tail)] : [h("span", { class: "tail" }, short(name))];
}

/** For each row the place of its parent, -1 on top: the last row before it that is one level up. */
function parentsOf(rows) {
  const last = []; // by depth
  return rows.map((row, index) => {
    last[row.depth] = index;
    return row.depth ? last[row.depth - 1] : -1;
  });
}

function failure(row) {
  if (isBad(row.code ?? "")) return h("b", {}, row.code);
  return row.error ? h("b", {}, "error") : null;
}

export class Waterfall {
  constructor(root, { choose, zoomed }) {
    this.root = root;
    this.said = { choose, zoomed };
    this.folded = new Set();
    this.chosen = null;
    this.rows = [];
    this.elements = [];
    this.words = [];
    this.view = null; // [from, to] in nanoseconds, or null for the whole trace
    this.at = 0; // the row that the keyboard is at
    root.addEventListener("click", (event) => this.clicked(event));
    root.addEventListener("keydown", (event) => this.pressed(event));
    root.addEventListener("focusin", (event) => {
      const index = this.indexOf(event.target);
      if (index >= 0) this.moveTo(index, false);
    });
  }

  /** Draws the rows; what was folded, chosen and zoomed stays so. */
  show(fall) {
    const focused = this.root.contains(document.activeElement);
    const before = this.rows[this.at]?.span_id;
    this.fall = fall;
    this.rows = fall.rows;
    this.words = [];
    this.ruler = h("div", { role: "row", class: "ruler" },
      h("div", { role: "columnheader" }, "Service and operation"),
      h("div", { role: "columnheader", class: "ticks", "aria-label": "Time" }));
    this.parents = parentsOf(fall.rows);
    this.elements = fall.rows.map((row, index) => this.element(row, fall.rows[this.parents[index]]));
    this.root.replaceChildren(this.ruler, ...this.elements);
    this.at = Math.max(0, this.rows.findIndex((row) => row.span_id === before));
    this.place();
    this.layout();
    this.moveTo(this.at, focused);
  }

  element(row, parent) {
    const indent = h("span", { class: "guides" });
    indent.style.width = `${Math.min(row.depth, DEEPEST) * INDENT}px`;
    const named = row.received && row.service !== parent?.service;
    const system = row.attributes?.["db.system.name"] ?? row.attributes?.["db.system"];
    return h("div", {
      role: "row", class: `span c${row.color ?? 0} ${row.error ? "failed" : ""} ${row.received ? "" : "missing"}`,
      tabindex: "-1", "aria-level": row.depth + 1, "aria-expanded": row.children ? "true" : null,
    },
    h("div", { role: "gridcell", class: "label" }, indent,
      h("span", { class: row.children ? "twisty" : "twisty leaf", "aria-hidden": "true" }),
      named ? h("b", { class: "who" }, row.service) : null,
      h("span", { class: "what", title: row.name ?? row.span_id }, row.received ? words(row.name) : "span not received"),
      system ? h("span", { class: "tag" }, String(system)) : null,
      row.notes.length && row.received ? h("span", { class: "tag odd", title: row.notes.join("; ") }, "note") : null,
      h("span", { class: "folded-count dim" })),
    h("div", { role: "gridcell", class: "lane" },
      h("span", { class: "piece" }, row.critical.map((part) => h("i", { "data-part": part.join() }))),
      h("span", { class: "time" }, duration(row.duration_nanos), failure(row))));
  }

  /** Puts every bar at its time. */
  place() {
    const [from, to] = this.view ?? [0, this.fall.duration_nanos];
    const wide = Math.max(1, to - from);
    this.ruler.lastChild.replaceChildren(...TICKS.map((tick) => h("span", {}, tickWords(tick, from, wide))));
    this.rows.forEach((row, index) => {
      const left = (row.offset_nanos - from) / wide;
      const right = left + row.duration_nanos / wide;
      const [piece, time] = this.elements[index].lastChild.children;
      piece.style.left = `${left * 100}%`;
      piece.style.width = `${(right - left) * 100}%`;
      for (const part of piece.children) {
        const [begin, end] = part.dataset.part.split(",").map((edge) => (Number(edge) - row.offset_nanos) / Math.max(1, row.duration_nanos));
        part.style.left = `${begin * 100}%`;
        part.style.width = `${(end - begin) * 100}%`;
      }
      time.hidden = right < 0 || left > 1;
      time.className = `time ${right < 0.82 ? "after" : left > 0.18 ? "before" : "inside"}`;
      time.style.left = right < 0.82 ? `${Math.max(0, right) * 100}%` : left > 0.18 ? "" : `${Math.max(0, left) * 100}%`;
      time.style.right = right >= 0.82 && left > 0.18 ? `${(1 - Math.min(1, left)) * 100}%` : "";
    });
    this.said.zoomed(from, to);
  }

  /** Hides what is folded away. */
  layout() {
    let hiddenUntil = 0;
    this.rows.forEach((row, index) => {
      const element = this.elements[index];
      element.hidden = index < hiddenUntil;
      const folded = this.folded.has(row.span_id);
      if (row.children) element.setAttribute("aria-expanded", String(!folded));
      element.querySelector(".folded-count").textContent = folded ? `+${row.below}` : "";
      element.setAttribute("aria-selected", String(row.span_id === this.chosen));
      if (folded && index >= hiddenUntil) hiddenUntil = index + row.below + 1;
    });
  }

  zoom(from, to) {
    this.view = from == null ? null : [from, Math.max(to, from + 1)];
    this.place();
  }

  /** Opens the details of a span, or closes them with null. */
  choose(spanId) {
    const index = this.rows.findIndex((row) => row.span_id === spanId);
    this.chosen = index < 0 ? null : spanId;
    if (index >= 0) this.reveal(index);
    this.layout();
    this.said.choose(this.chosen);
    this.moveTo(index < 0 ? this.at : index, true);
  }

  reveal(index) {
    for (let up = this.parents[index]; up >= 0; up = this.parents[up]) this.folded.delete(this.rows[up].span_id);
  }

  foldAll() {
    const fold = this.folded.size === 0;
    this.folded = new Set(fold ? this.rows.filter((row) => row.children && row.depth > 0).map((row) => row.span_id) : []);
    if (fold && this.folded.size === 0) this.folded.add(this.rows[0].span_id);
    this.layout();
    while (this.elements[this.at].hidden) this.at = this.parents[this.at];
    this.moveTo(this.at, false);
    return fold;
  }

  nextError() {
    const { length } = this.rows;
    for (let step = 1; step <= length; step++) {
      const index = (this.at + step) % length;
      if (this.rows[index].error) return this.choose(this.rows[index].span_id);
    }
  }

  /** Marks the spans that hold the text; goes to the next or previous one by `step`. */
  find(text, step) {
    const wanted = text.trim().toLowerCase();
    const hits = wanted ? this.rows.flatMap((row, index) => (this.wordsOf(index).includes(wanted) ? [index] : [])) : [];
    this.root.classList.toggle("searched", wanted !== "");
    this.elements.forEach((element) => element.classList.remove("hit"));
    for (const index of hits) this.elements[index].classList.add("hit");
    if (!hits.length) return { hits: 0, place: 0 };
    let place = step < 0 ? hits.findLastIndex((index) => index < this.at) : hits.findIndex((index) => (step ? index > this.at : index >= this.at));
    if (place < 0) place = step < 0 ? hits.length - 1 : 0;
    this.reveal(hits[place]);
    this.layout();
    this.moveTo(hits[place], false);
    this.elements[hits[place]].scrollIntoView({ block: "nearest" });
    return { hits: hits.length, place: place + 1 };
  }

  wordsOf(index) {
    this.words[index] ??= JSON.stringify(this.rows[index], (key, value) => (key === "critical" ? undefined : value)).toLowerCase();
    return this.words[index];
  }

  clicked(event) {
    const index = this.indexOf(event.target);
    if (index < 0) return;
    if (event.target.classList.contains("twisty")) this.fold(index, !this.folded.has(this.rows[index].span_id));
    else this.choose(this.rows[index].span_id === this.chosen ? null : this.rows[index].span_id);
  }

  fold(index, fold) {
    if (!this.rows[index].children) return;
    if (fold) this.folded.add(this.rows[index].span_id);
    else this.folded.delete(this.rows[index].span_id);
    this.layout();
    this.moveTo(index, true);
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const row = this.rows[this.at];
    const open = row.children > 0 && !this.folded.has(row.span_id);
    const acts = {
      ArrowDown: () => this.step(1),
      ArrowUp: () => this.step(-1),
      ArrowRight: () => (open || !row.children ? this.step(open ? 1 : 0) : this.fold(this.at, false)),
      ArrowLeft: () => (open ? this.fold(this.at, true) : this.moveTo(Math.max(0, this.parents[this.at]), true)),
      Home: () => this.moveTo(0, true),
      End: () => this.moveTo(this.elements.findLastIndex((element) => !element.hidden), true),
      Enter: () => this.choose(row.span_id === this.chosen ? null : row.span_id),
      " ": () => this.choose(row.span_id === this.chosen ? null : row.span_id),
      z: () => this.zoom(row.offset_nanos, row.offset_nanos + row.duration_nanos),
      0: () => this.zoom(null),
      e: () => this.nextError(),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  step(by) {
    let index = this.at + by;
    while (this.elements[index]?.hidden) index += by;
    if (this.elements[index]) this.moveTo(index, true);
  }

  moveTo(index, focus) {
    if (this.elements[this.at]) this.elements[this.at].tabIndex = -1;
    this.at = index;
    this.elements[index].tabIndex = 0;
    if (focus) this.elements[index].focus({ preventScroll: false });
  }

  focus() {
    this.moveTo(this.at, true);
  }

  indexOf(target) {
    return this.elements.indexOf(target.closest(".span"));
  }
}
