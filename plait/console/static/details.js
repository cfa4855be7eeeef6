// Everything that is known about one span.

import { badge, breakable, capital, chip, copyButton, duration, h, plural } from "/static/lib.js";

const CODE = new Set(["db.query.text", "db.statement"]);
const STACK = new Set(["exception.stacktrace"]);

export function describe(trace, row, close) {
  const head = h("header", {},
    h("h2", {}, row.received ? breakable(row.name) : "Span not received"),
    h("button", { class: "close", type: "button", "aria-label": "Close the details", onclick: close }, "×"));
  const notes = row.notes.map((note) => h("p", { class: "note wide" }, capital(note)));
  const ids = h("p", { class: "ids" }, h("code", {}, row.span_id), " ", copyButton(row.span_id, "Copy the span id"));
  if (!row.received) return [head, ...notes, ids];
  const origin = trace.origins[row.origin];
  return [
    head,
    h("p", { class: "legend" }, chip({ name: row.service, color: row.color }), h("span", { class: "tag" }, row.kind.toLowerCase()),
      badge(row.code || (row.error ? "error" : ""), row.error)),
    row.status_message ? h("p", { class: "said" }, row.status_message) : null,
    ...notes,
    facts(trace, row),
    attributes("Attributes", row.attributes),
    events(row),
    links(row),
    row.dropped ? h("p", { class: "dim" }, `${plural(row.dropped, "attribute, event or link")} dropped by the sender's limits.`) : null,
    attributes("Process", origin.resource, true),
    origin.scope ? h("p", { class: "dim" }, `Made by ${origin.scope}`) : null,
    ids,
  ].filter((node) => node != null);
}

function facts(trace, row) {
  const critical = row.critical.reduce((sum, [from, to]) => sum + to - from, 0);
  const share = trace.waterfall.duration_nanos ? Math.round((critical / trace.waterfall.duration_nanos) * 100) : 0;
  return h("dl", { class: "facts" }, [
    ["Took", duration(row.duration_nanos)],
    ["Began after", duration(row.offset_nanos)],
    ["Itself", duration(row.own_nanos), "Time in which none of its children was at work"],
    ["Critical", critical ? `${duration(critical)} (${share} %)` : "no", "Time that the whole trace waited for this span itself"],
  ].map(([name, value, title]) => h("div", { title }, h("dt", {}, name), h("dd", {}, value))));
}

function attributes(title, values, closed = false) {
  const names = Object.keys(values ?? {}).sort();
  if (!names.length) return null;
  const list = h("dl", { class: "attributes" }, names.map((name) => h("div", {}, h("dt", {}, name), h("dd", {}, value(name, values[name])))));
  return h("details", { open: !closed }, h("summary", {}, title, h("span", { class: "dim" }, ` ${names.length}`)), list);
}

function value(name, found) {
  const text = typeof found === "string" ? found : JSON.stringify(found);
  if (CODE.has(name) || STACK.has(name)) return h("pre", { tabindex: "0" }, text);
  return h("code", {}, text === "" ? '""' : text);
}

function events(row) {
  if (!row.events.length) return null;
  return h("details", { open: true }, h("summary", {}, "Events", h("span", { class: "dim" }, ` ${row.events.length}`)),
    row.events.map((event) => h("div", { class: event.name === "exception" ? "event bad" : "event" },
      h("p", {}, h("b", {}, event.name), h("span", { class: "dim" }, ` after ${duration(event.offset_nanos - row.offset_nanos)}`)),
      h("dl", { class: "attributes" }, Object.entries(event.attributes).map(([name, found]) =>
        h("div", {}, h("dt", {}, name), h("dd", {}, value(name, found))))))));
}

function links(row) {
  if (!row.links.length) return null;
  return h("details", { open: true }, h("summary", {}, "Links", h("span", { class: "dim" }, ` ${row.links.length}`)),
    row.links.map((link) => h("p", {}, h("a", { href: `/traces/${link.trace_id}#${link.span_id}` }, h("code", {}, link.trace_id)))));
}
