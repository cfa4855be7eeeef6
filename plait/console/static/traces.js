// The list of traces: searched by the form, which the address bar repeats, and read again each second.

import { ago, badge, byId, chip, clock, copyButton, duration, h, plural, poll, read, Refused, short, showEmpty } from "/static/lib.js";
import { draw } from "/static/plot.js";

const form = byId("search");
const kept = new Map(); // rows by trace id, so that the one under the cursor stays
const SHOWN_SERVICES = 4;

function restore() {
  const asked = new URLSearchParams(location.search);
  for (const name of ["service", "operation", "status", "min_duration"]) {
    const value = asked.get(name) ?? "";
    const field = form.elements[name];
    if (field instanceof HTMLSelectElement && ![...field.options].some((one) => one.value === value)) {
      field.add(new Option(value, value));
    }
    field.value = value;
  }
}

function asked() {
  return new URLSearchParams([...new FormData(form)].filter(([, value]) => value.trim() !== ""));
}

async function look() {
  const query = asked().toString();
  try {
    const found = await read(`/api/traces?${query}`);
    if (query !== asked().toString()) return;
    wrong("");
    show(found, query);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    wrong(error.message);
  }
}

function wrong(message) {
  byId("wrong").textContent = message;
  byId("wrong").hidden = message === "";
  form.elements.min_duration.setAttribute("aria-invalid", message.includes("min_duration"));
}

function show(found, query) {
  const { traces } = found;
  byId("clear").hidden = query === "";
  byId("count").textContent = `${plural(traces.length, "trace")}${query ? ` of ${found.stored.toLocaleString()}` : ""}`;
  byId("list").hidden = traces.length === 0;
  byId("empty").hidden = traces.length > 0;
  if (traces.length === 0) showWhyEmpty(found, query);
  draw(byId("plot"), traces);
  const longest = Math.max(1, ...traces.map((trace) => trace.duration_nanos));
  const first = kept.size === 0;
  const rows = traces.map((trace) => row(trace, longest, first));
  const shown = new Set(traces.map((trace) => trace.id));
  for (const id of kept.keys()) if (!shown.has(id)) kept.delete(id);
  place(rows);
}

function place(rows) {
  const body = byId("rows");
  rows.forEach((element, index) => {
    if (body.children[index] !== element) body.insertBefore(element, body.children[index] ?? null);
  });
  while (body.children.length > rows.length) body.lastChild.remove();
}

function row(trace, longest, first) {
  const text = JSON.stringify(trace);
  let known = kept.get(trace.id);
  if (known?.text !== text) {
    const element = h("tr", { class: known || first ? "" : "new" }, cells(trace));
    if (known?.element.contains(document.activeElement)) setTimeout(() => element.querySelector("a").focus());
    known = { text, element };
    kept.set(trace.id, known);
  }
  known.element.querySelector(".share").style.width = `${(trace.duration_nanos / longest) * 100}%`;
  known.element.querySelector("time").textContent = ago(Date.parse(trace.start_time));
  return known.element;
}

function cells(trace) {
  const failed = trace.errors > 0;
  const began = Date.parse(trace.start_time);
  const rest = trace.services.length - SHOWN_SERVICES;
  return [
    h("td", { class: "status" },
      badge(trace.code, false) ?? h("span", { class: `badge ${failed ? "bad" : "good"}` }, failed ? "error" : "ok")),
    h("td", { class: "request" }, h("div", {},
      h("a", { href: `/traces/${trace.id}`, title: trace.name }, short(trace.name)),
      failed ? h("span", { class: "failures" }, plural(trace.errors, "error")) : null,
      trace.complete ? null : h("span", { class: "note", title: "The first span has not arrived (yet)" }, "incomplete"))),
    h("td", { class: "services" },
      trace.services.slice(0, SHOWN_SERVICES).map((service) => chip(service, service.spans)),
      rest > 0 ? h("span", { class: "dim" }, `+${rest}`) : null),
    h("td", { class: "number spans" }, trace.spans.toLocaleString(), h("span", { class: "unit" }, trace.spans === 1 ? " span" : " spans")),
    h("td", { class: "number duration" }, duration(trace.duration_nanos),
      h("span", { class: "track", "aria-hidden": "true" }, h("span", { class: `share c${trace.services[0].color}` }))),
    h("td", { class: "number when" }, h("time", { datetime: trace.start_time, title: clock(began) })),
  ];
}

function showWhyEmpty(found, query) {
  if (found.stored > 0 && query) {
    showEmpty("No trace matches",
      h("p", {}, `${plural(found.stored, "trace")} kept, none like this. `,
        h("button", { type: "button", class: "quiet", onclick: clear }, "Show all")));
  } else if (!found.otlp_endpoint) {
    showEmpty("The receiver is off",
      h("p", {}, "This console was started with PLAIT_OTLP=false: traces go to another receiver, as OTEL_EXPORTER_OTLP_ENDPOINT says."));
  } else {
    const example = found.example;
    const variable = `OTEL_EXPORTER_OTLP_ENDPOINT=${found.otlp_endpoint}`;
    showEmpty("No traces yet",
      h("p", {}, "Make a request; it appears here a few seconds later:"),
      h("p", { class: "command" }, h("code", {}, example), copyButton(example, "Copy the command")),
      h("p", {}, "Any program with OpenTelemetry can send its traces here:"),
      h("p", { class: "command" }, h("code", {}, variable), copyButton(variable, "Copy the variable")));
  }
}

async function offerNames() {
  const { services } = await read("/api/services");
  const select = form.elements.service;
  const known = new Set([...select.options].map((option) => option.value));
  for (const { name } of services) if (!known.has(name)) select.add(new Option(name, name));
  const chosen = select.value;
  const names = new Set(services.filter(({ name }) => !chosen || name === chosen).flatMap((one) => one.operations));
  byId("operations").replaceChildren(...[...names].sort().map((name) => h("option", { value: name })));
}

function search() {
  const query = asked().toString();
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
  round();
}

function clear() {
  form.reset();
  search();
}

form.addEventListener("submit", (event) => { event.preventDefault(); search(); });
form.addEventListener("input", (event) => { if (event.target.name) search(); });
form.elements.service.addEventListener("change", offerNames);
form.addEventListener("focusin", offerNames);
byId("by-id").addEventListener("keydown", (event) => {
  const text = event.target.value.trim();
  const id = /[0-9a-f]{32}/i.exec(text)?.[0] ?? text; // out of a traceparent header, too
  if (event.key === "Enter" && id) location.href = `/traces/${encodeURIComponent(id)}`;
});
byId("clear").addEventListener("click", clear);
window.addEventListener("popstate", () => { restore(); round(); });
restore();
offerNames();
const round = poll(look, 1);
