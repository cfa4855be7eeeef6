// One trace: its summary, its waterfall, and the details of the span that is chosen.

import { badge, byId, capital, chip, clock, copyButton, duration, h, plural, poll, read, Refused, short, showEmpty } from "/static/lib.js";
import { describe } from "/static/details.js";
import { Minimap } from "/static/minimap.js";
import { Waterfall } from "/static/waterfall.js";

const SETTLED = 30_000; // milliseconds after which a whole trace is not expected to grow
const id = decodeURIComponent(location.pathname.split("/").pop());
const waterfall = new Waterfall(byId("waterfall"), { choose, zoomed });
const minimap = new Minimap(byId("minimap"), (from, to) => waterfall.zoom(from, to));
let trace = null;
let shown = "";
let opened = Date.now();

async function look() {
  try {
    trace = await read(`/api/traces/${encodeURIComponent(id)}`);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return missing(error);
  }
  const text = JSON.stringify(trace);
  if (text !== shown) show();
  shown = text;
  return !trace.complete || Date.now() - Date.parse(trace.start_time) < SETTLED;
}

function missing(error) {
  const again = error.status === 404 && Date.now() - opened < SETTLED;
  byId("trace").hidden = true;
  showEmpty(error.status === 404 ? "This trace is not here" : "This is no trace id",
    h("p", {}, capital(error.message)),
    again ? h("p", { class: "dim" }, "Looking again every two seconds…") : null,
    h("p", {}, h("a", { href: "/" }, "All traces")));
  return again;
}

function show() {
  byId("empty").hidden = true;
  byId("trace").hidden = false;
  document.title = `${short(trace.name)} · ${duration(trace.duration_nanos)} · plait console`;
  byId("summary").replaceChildren(...summary());
  const first = shown === "";
  waterfall.show(trace.waterfall);
  minimap.show(trace.waterfall);
  byId("errors").hidden = trace.errors === 0;
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (first && wanted) waterfall.choose(wanted);
  else if (!byId("details").hidden) choose(waterfall.chosen);
}

function summary() {
  const fall = trace.waterfall;
  const facts = [
    ["Duration", duration(trace.duration_nanos)],
    ["Began", clock(Date.parse(trace.start_time))],
    ["Spans", trace.spans.toLocaleString()],
    ["Depth", fall.depth.toLocaleString()],
    ["Errors", trace.errors.toLocaleString()],
  ];
  return [
    h("p", { class: "crumbs" }, h("a", { href: "/" }, "Traces"), h("span", { class: "dim" }, " / "),
      h("code", { class: "dim" }, trace.id), " ", copyButton(trace.id, "Copy the trace id"), " ",
      h("a", { href: `/api/traces/${trace.id}`, class: "dim" }, "JSON")),
    h("div", { class: "title" }, h("h1", { title: trace.name }, short(trace.name)), badge(trace.code, false)),
    h("dl", { class: "facts" }, facts.map(([name, value]) =>
      h("div", { class: name === "Errors" && trace.errors ? "bad" : "" }, h("dt", {}, name), h("dd", {}, value)))),
    h("p", { class: "legend" }, trace.services.map((service) => chip(service, service.spans))),
    trace.complete ? null : h("p", { class: "note wide" }, "The first span of this trace has not arrived: it is still under way, or its caller sends its spans elsewhere."),
    trace.refused_spans ? h("p", { class: "note wide" }, `${plural(trace.refused_spans, "span")} of this trace came beyond what the console keeps of one trace.`) : null,
  ].filter((node) => node != null);
}

function choose(spanId) {
  const row = trace.waterfall.rows.find((one) => one.span_id === spanId);
  const panel = byId("details");
  panel.hidden = !row;
  document.body.classList.toggle("with-details", Boolean(row));
  history.replaceState(null, "", row ? `#${row.span_id}` : location.pathname);
  if (row) {
    panel.replaceChildren(...describe(trace, row, () => waterfall.choose(null)));
    panel.scrollTop = 0;
  }
}

function zoomed(from, to) {
  minimap.mark(from, to);
  byId("whole").hidden = from === 0 && to === trace.waterfall.duration_nanos;
}

function find(step) {
  const { hits, place } = waterfall.find(byId("find").value, step);
  byId("found").textContent = byId("find").value.trim() ? (hits ? `${place} of ${hits}` : "none") : "";
}

byId("find").addEventListener("input", () => find(0));
byId("find").addEventListener("keydown", (event) => {
  if (event.key === "Enter") find(event.shiftKey ? -1 : 1);
  if (event.key === "Escape") { byId("find").value = ""; find(0); waterfall.focus(); }
});
byId("whole").addEventListener("click", () => waterfall.zoom(null));
byId("errors").addEventListener("click", () => waterfall.nextError());
byId("fold").addEventListener("click", () => {
  byId("fold").textContent = waterfall.foldAll() ? "Unfold all" : "Fold all";
});
document.addEventListener("keydown", (event) => {
  if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") { event.preventDefault(); byId("find").focus(); }
  if (event.key === "Escape" && !byId("details").hidden) waterfall.choose(null);
});
window.addEventListener("hashchange", () => { if (trace) waterfall.choose(decodeURIComponent(location.hash.slice(1)) || null); });
poll(look, 2);
