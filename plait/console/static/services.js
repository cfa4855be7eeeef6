// The services: what each method did in the last minutes, by the metrics that its process sent.

import { byId, chip, digits, duration, h, plural, poll, read, short, showEmpty } from "/static/lib.js";

async function look() {
  const found = await read("/api/services");
  const { services } = found;
  const minutes = Math.round(found.window_seconds / 60);
  byId("count").textContent = services.length ? `${plural(services.length, "service")}, the last ${plural(minutes, "minute")}` : "";
  byId("empty").hidden = services.length > 0;
  if (services.length === 0) {
    showEmpty("No service yet", h("p", {}, "A service appears here with its first trace or metric. ", h("a", { href: "/" }, "How to send one")));
  }
  const focused = document.activeElement?.id;
  byId("services").replaceChildren(...services.map(card));
  if (focused) byId(focused)?.focus();
}

function card(service) {
  const served = service.methods.filter((method) => method.side === "server");
  const called = service.methods.filter((method) => method.side === "client");
  const query = new URLSearchParams({ service: service.name });
  return h("section", { class: "card" },
    h("header", {},
      h("h2", {}, chip(service)),
      h("a", { id: `traces of ${service.name}`, href: `/?${query}` }, "Traces"),
      h("a", { id: `errors of ${service.name}`, href: `/?${query}&status=error` }, "Errors")),
    served.length ? table("Serves", served) : null,
    called.length ? table("Calls", called) : null,
    service.methods.length ? null
      : h("p", { class: "dim" }, `No metrics of its calls yet. In traces: ${service.operations.slice(0, 8).map(short).join(", ")}`));
}

function table(title, methods) {
  const slowest = Math.max(...methods.map((method) => method.p99_seconds ?? 0), 1e-9);
  return h("table", { class: "signals" },
    h("thead", {}, h("tr", {},
      h("th", { scope: "col" }, title),
      ["Rate", "Errors", "p50", "p99"].map((name) => h("th", { scope: "col", class: "number" }, name)))),
    h("tbody", {}, methods.map((method) => line(method, slowest))));
}

function line(method, slowest) {
  const share = method.calls ? method.failures / method.calls : 0;
  return h("tr", {},
    h("th", { scope: "row", title: method.method }, short(method.method)),
    h("td", { class: "number", "data-name": "rate" }, rate(method.rate_per_second)),
    h("td", { class: `number ${share ? "bad" : ""}`, "data-name": "errors" }, method.calls ? percent(share) : "–"),
    h("td", { class: "number", "data-name": "p50" }, seconds(method.p50_seconds)),
    h("td", { class: "number", "data-name": "p99" }, seconds(method.p99_seconds), meter((method.p99_seconds ?? 0) / slowest)));
}

function meter(share) {
  const inner = h("span", { class: "share" });
  inner.style.width = `${share * 100}%`;
  return h("span", { class: "track", "aria-hidden": "true" }, inner);
}

const seconds = (value) => (value == null ? "–" : duration(value * 1e9));
const percent = (share) => (share === 0 ? "0 %" : share < 0.001 ? "< 0.1 %" : `${digits(share * 100)} %`);
const rate = (value) => (value === 0 ? "0 /s" : value < 0.01 ? "< 0.01 /s" : `${digits(value)} /s`);

poll(look, 2);
