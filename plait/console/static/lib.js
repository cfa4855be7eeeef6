// What all pages share: elements, words for numbers, and asking the console again and again.

/** Makes an element. Strings become text, never HTML: what services send is not to be trusted. */
export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** Makes an SVG element, in the same way. */
export function svg(tag, properties, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Three significant digits: 412 ns, 1.53 ms, 24.1 ms, 2.05 s, 1 m 05 s. */
export function duration(nanos) {
  if (nanos < 0) return `-${duration(-nanos)}`;
  if (nanos < 1e3) return `${Math.round(nanos)} ns`;
  for (const [size, unit] of [[1e3, "µs"], [1e6, "ms"], [1e9, "s"]]) {
    const number = nanos / size;
    if (number < 999.5 && (unit !== "s" || number < 59.95)) return `${digits(number)} ${unit}`;
  }
  const seconds = Math.round(nanos / 1e9);
  return `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, "0")} s`;
}

export const digits = (number) => number.toFixed(number < 9.995 ? 2 : number < 99.95 ? 1 : 0);

/** How long ago, in one unit. */
export function ago(time, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - time) / 1000));
  if (seconds < 3) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

/** A size in bytes: 640 B, 1.53 KB, 24.1 MB. */
export function bytes(size) {
  if (size < 1000) return `${size} B`;
  return size < 999_500 ? `${digits(size / 1e3)} KB` : `${digits(size / 1e6)} MB`;
}

export const clock = (time) =>
  new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const plural = (count, word) => `${count.toLocaleString()} ${word}${count === 1 ? "" : "s"}`;

/** `shop.catalog.v1.CatalogService/GetProduct` without its package, which all rows repeat. */
export const short = (name) => name.replace(/^(?:[a-z0-9_]+\.)+(?=[A-Za-z0-9_]+\/[A-Za-z0-9_]+$)/, "");

/** Whether a status code says that something went wrong: 500 or UNAVAILABLE, and 404 or NOT_FOUND. */
export const isBad = (code) => (/^\d+$/.test(code) ? Number(code) >= 400 : code !== "" && code !== "OK");

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A long name that may break after its dots and slashes. */
export const breakable = (name) => name.split(/(?<=[./])/).flatMap((part) => [part, h("wbr")]);

export function chip(service, count) {
  return h("span", { class: `chip c${service.color}`, title: service.name }, h("span", {}, service.name),
    count == null ? null : h("small", {}, `×${count}`));
}

export function badge(code, failed) {
  return code ? h("span", { class: `badge ${failed || isBad(code) ? "bad" : "good"}` }, code) : null;
}

export function copyButton(text, label) {
  const button = h("button", { class: "copy", type: "button", "aria-label": label, title: label }, "Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return button;
}

/** Shows a block that says why there is nothing, and what to do. */
export function showEmpty(title, ...children) {
  byId("empty").replaceChildren(h("h2", {}, title), ...children);
  byId("empty").hidden = false;
}

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Reads one answer of the API; throws Refused for an error that it explains. */
export async function read(path) {
  const response = await fetch(path, { headers: { accept: "application/json" } });
  const body = await response.json();
  if (!response.ok) throw new Refused(response.status, body.error?.message ?? response.statusText);
  return body;
}

/** Calls `look` now and every `seconds` while the page is seen and Live is pressed. */
export function poll(look, seconds) {
  const live = byId("live");
  let timer = 0;
  const wanted = () => !document.hidden && live?.getAttribute("aria-pressed") !== "false";
  async function round() {
    clearTimeout(timer);
    timer = 0;
    const again = await look().then(online, offline);
    clearTimeout(timer); // another round may have begun meanwhile
    if (again !== false && wanted()) timer = setTimeout(round, seconds * 1000);
  }
  const resume = () => (wanted() ? round() : clearTimeout(timer));
  document.addEventListener("visibilitychange", resume);
  live?.addEventListener("click", () => {
    live.setAttribute("aria-pressed", live.getAttribute("aria-pressed") === "false");
    resume();
  });
  round();
  return round;
}

function online(again) {
  byId("offline").hidden = true;
  return again;
}

function offline(error) {
  byId("offline").textContent = error instanceof TypeError
    ? "The console does not answer; asking again every few seconds. Is it still running?"
    : `The console's answer could not be shown: ${error.message}`;
  byId("offline").hidden = false;
}
