// The page at /docs: reads openapi.json and shows each method, with a form to try it.

import { curl, request, send } from "./call.js";
import { element, inline, text } from "./dom.js";
import { example, fields, kind, limits, resolved } from "./schema.js";

const token = document.getElementById("token");
const search = document.getElementById("search");

start();

async function start() {
  const services = document.getElementById("services");
  token.value = sessionStorage.getItem("token") ?? "";
  token.addEventListener("input", () => sessionStorage.setItem("token", token.value));
  document.getElementById("identity").addEventListener("submit", (event) => event.preventDefault());
  try {
    const answer = await fetch("openapi.json", { cache: "no-cache" });
    if (!answer.ok) throw new Error(`openapi.json answers ${answer.status}`);
    show(await answer.json(), services);
  } catch (error) {
    services.replaceChildren(element("p", { class: "must" }, `The methods cannot be shown: ${error.message}`));
  }
}

function show(api, services) {
  document.title = api.info.title;
  document.getElementById("title").textContent = api.info.title;
  document.getElementById("about").replaceChildren(text(api.info.description ?? ""));
  const contents = document.getElementById("contents");
  services.replaceChildren();
  for (const tag of api.tags) {
    const operations = operationsOf(api, tag.name);
    contents.append(element("section", {}, element("h2", {}, tag.name), element("ul", {},
      ...operations.map((operation) => element("li", { "data-find": findable(operation) },
        element("a", { href: `#${operation.id}` }, verb(operation), operation.name))))));
    services.append(element("h2", {}, tag.name), text(tag.description ?? ""),
      ...operations.map((operation) => method(api, operation)));
  }
  search.addEventListener("input", filter);
  window.addEventListener("hashchange", open);
  open();
}

function operationsOf(api, tag) {
  const found = [];
  for (const [path, item] of Object.entries(api.paths)) {
    for (const [verbName, operation] of Object.entries(item)) {
      if (!operation.tags?.includes(tag)) continue;
      const content = operation.requestBody?.content ?? {};
      found.push({
        ...operation,
        path,
        verb: verbName.toUpperCase(),
        id: operation.operationId,
        name: operation.operationId.replace(`${tag}_`, ""),
        parameters: operation.parameters ?? [],
        bodyType: Object.keys(content)[0],
        bodyTypes: Object.keys(content),
        body: Object.values(content)[0]?.schema,
      });
    }
  }
  return found;
}

const findable = (operation) => `${operation.name} ${operation.path} ${operation.summary}`.toLowerCase();
const verb = (operation) => element("span", { class: `verb ${operation.verb.toLowerCase()}` }, operation.verb);

function filter() {
  const wanted = search.value.trim().toLowerCase();
  for (const item of document.querySelectorAll("[data-find]")) {
    item.hidden = !item.dataset.find.includes(wanted);
  }
}

function open() {
  const found = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (found instanceof HTMLDetailsElement) {
    found.open = true;
    found.scrollIntoView();
  }
}

function method(api, operation) {
  const made = element("details", { class: "method", id: operation.id, "data-find": findable(operation) },
    element("summary", {}, verb(operation),
      element("span", {}, element("h3", {}, operation.name), access(operation),
        operation.deprecated ? element("span", { class: "tag" }, "deprecated") : null),
      element("span", { class: "path" }, operation.path),
      element("span", { class: "what" }, ...inline(operation.summary ?? ""))));
  // What is inside is made when it is wanted: a page of hundreds of methods opens at once.
  made.addEventListener("toggle", () => {
    if (made.open && made.children.length === 1) made.append(inside(api, operation));
  });
  return made;
}

function access(operation) {
  const needed = operation.security?.[0]?.bearer;
  if (!needed) return element("span", { class: "tag" }, "public");
  return element("span", { class: "tag" }, needed.length ? needed.join(" or ") : "logged in");
}

function inside(api, operation) {
  const form = element("form", { novalidate: true });
  if (operation.parameters.length) {
    form.append(element("h4", {}, "Parameters"),
      ...operation.parameters.map((parameter) => field(api, operation, parameter)));
  }
  if (operation.bodyType) form.append(...body(api, operation));
  const streams = Object.keys(success(operation)?.content ?? {});
  if (streams.length > 1) form.append(acceptField(operation, streams));
  const result = element("div", { class: "result", "aria-live": "polite" });
  form.append(buttons(operation, form, result));
  return element("div", { class: "inside" }, text(more(operation)), form, result, answers(api, operation));
}

// What the summary, which stands above, does not say.
function more(operation) {
  const [first, ...rest] = (operation.description ?? "").split(/\n\s*\n/);
  return first.replace(/\s+/g, " ").trim() === operation.summary ? rest.join("\n\n") : operation.description;
}

const success = (operation) => Object.entries(operation.responses).find(([code]) => code.startsWith("2"))?.[1];

function field(api, operation, parameter) {
  const schema = resolved(api, parameter.schema ?? parameter.content["application/json"].schema);
  const id = `${operation.id}:${parameter.in}:${parameter.name}`;
  const shared = { id, name: `${parameter.in}:${parameter.name}`, class: "mono", autocomplete: "off", spellcheck: "false" };
  let input;
  if (schema.enum || schema.type === "boolean") {
    const values = schema.enum ?? ["true", "false"];
    input = element("select", shared, element("option", { value: "" }, ""),
      ...values.map((value) => element("option", {}, String(value))));
  } else if (schema.type === "array") {
    input = element("textarea", { ...shared, rows: 2, placeholder: "one a line" });
  } else {
    input = element("input", { ...shared, placeholder: schema.examples?.[0] ?? "" });
  }
  const notes = [kind(api, schema), ...limits(schema)].join(" · ");
  return element("div", { class: "field" },
    element("label", { for: id }, element("span", { class: "name" }, parameter.name),
      parameter.required ? element("span", { class: "must" }, " required") : null,
      parameter.in === "query" || parameter.in === "path" ? null : ` (${parameter.in})`),
    input, element("div", { class: "about" }, element("code", {}, notes), " ", ...inline(parameter.description ?? "")));
}

function body(api, operation) {
  const about = text(operation.requestBody.description ?? "");
  const id = `${operation.id}:body`;
  if (operation.bodyType === "*/*") {
    return [element("h4", {}, element("label", { for: id }, "Body: any file")), about,
      element("input", { id, name: "file", type: "file" })];
  }
  const start = example(api, operation.body);
  const isLines = operation.bodyType.includes("ndjson");
  const value = isLines ? `${JSON.stringify(start)}\n` : JSON.stringify(start, null, 2);
  const area = element("textarea", { id, name: "body", spellcheck: "false" });
  area.value = value;
  const types = operation.bodyTypes.length > 1
    ? element("label", {}, "Content type", element("select", { name: "bodyType" },
      ...operation.bodyTypes.map((type) => element("option", {}, type))))
    : null;
  return [element("h4", {}, element("label", { for: id }, "Body")), about, area, ...(types ? [types] : []),
    element("details", {}, element("summary", {}, `Fields of ${kind(api, operation.body)}`), fields(api, operation.body))];
}

function acceptField(operation, types) {
  const id = `${operation.id}:accept`;
  return element("div", { class: "field" }, element("label", { for: id }, element("span", { class: "name" }, "Accept")),
    element("select", { id, name: "accept" }, ...types.map((type) => element("option", {}, type))));
}

function buttons(operation, form, result) {
  let running = null;
  const stop = element("button", { type: "button", hidden: true, onclick: () => running?.abort() }, "Stop");
  const copy = element("button", { type: "button", onclick: () => copyCurl(operation, form, copy) }, "Copy as curl");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    running?.abort();
    const mine = running = new AbortController();
    stop.hidden = false;
    await tryIt(operation, form, result, mine.signal);
    if (running === mine) stop.hidden = true;
  });
  return element("div", { class: "buttons" }, element("button", { class: "main" }, "Send"), stop, copy);
}

async function copyCurl(operation, form, button) {
  const command = curl(request(operation, form, token.value.trim()));
  try {
    await navigator.clipboard.writeText(command);
    button.textContent = "Copied";
  } catch {
    button.textContent = "See below";
  }
  const shown = form.parentElement.querySelector(".curl") ?? element("pre", { class: "curl", tabindex: "0" });
  shown.replaceChildren(element("code", {}, command));
  form.after(shown);
  setTimeout(() => { button.textContent = "Copy as curl"; }, 1500);
}

async function tryIt(operation, form, result, signal) {
  const status = element("span", { class: "status" }, "Sending…");
  const headers = element("code");
  const shown = element("div");
  result.replaceChildren(element("h4", {}, "Answer"), element("p", {}, status), shown,
    element("details", {}, element("summary", {}, "Headers of the answer"), element("pre", {}, headers)));
  const show = {
    head(answer, milliseconds) {
      status.textContent = `${answer.status} ${answer.statusText} · ${Math.round(milliseconds)} ms`;
      status.classList.add(answer.ok ? "good" : "bad");
      headers.textContent = [...answer.headers].map((pair) => pair.join(": ")).join("\n");
    },
    bytes(blob, type) {
      const url = URL.createObjectURL(blob);
      shown.replaceChildren(type.startsWith("image/")
        ? element("img", { class: "picture", src: url, alt: "the answer" })
        : element("a", { href: url, download: operation.name }, `Save ${blob.size} bytes`));
    },
    text(whole, type, ended) {
      if (whole) shown.replaceChildren(element("pre", { tabindex: "0" }, element("code", {}, pretty(whole, type, ended))));
    },
  };
  try {
    await send(request(operation, form, token.value.trim()), show, signal);
  } catch (error) {
    status.append(signal.aborted ? " · stopped" : ` · ${error.message}`);
    if (!signal.aborted) status.classList.add("bad");
  }
}

function pretty(whole, type, ended) {
  if (!ended || !/json/.test(type) || /ndjson/.test(type)) return whole;
  try {
    return JSON.stringify(JSON.parse(whole), null, 2);
  } catch {
    return whole;
  }
}

function answers(api, operation) {
  const [code, response] = Object.entries(operation.responses).find(([status]) => status.startsWith("2"));
  const schema = Object.values(response.content ?? {})[0]?.schema;
  const known = schema && Object.keys(schema).length;
  return element("details", {}, element("summary", {}, `Answer: ${code}${known ? `, ${kind(api, schema)}` : ""}`),
    element("p", {}, response.description), known ? fields(api, schema) : null);
}
