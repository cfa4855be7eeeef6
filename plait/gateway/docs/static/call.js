// One request: from the form to `fetch` and to a curl command, and its answer as it comes.

export function request(operation, form, token) {
  const values = new FormData(form);
  let path = operation.path;
  const query = [];
  const headers = {};
  for (const parameter of operation.parameters) {
    const value = String(values.get(`${parameter.in}:${parameter.name}`) ?? "");
    if (parameter.in === "path") {
      const slashes = parameter.schema?.minLength === undefined;
      const coded = encodeURIComponent(value);
      path = path.replace(`{${parameter.name}}`, slashes ? coded.replaceAll("%2F", "/") : coded);
    } else if (value === "") {
      continue;
    } else if (parameter.in === "header") {
      headers[parameter.name] = value;
    } else if (parameter.in === "query") {
      query.push(...inQuery(parameter, value));
    }
  }
  const accept = values.get("accept");
  if (accept) headers.Accept = accept;
  if (token) headers.Authorization = `Bearer ${token}`;
  const { body, type } = content(operation, values);
  if (type) headers["Content-Type"] = type;
  const url = new URL(path.slice(1), document.baseURI);
  return { method: operation.verb, url: url.href + (query.length ? `?${query.join("&")}` : ""), headers, body };
}

function inQuery(parameter, value) {
  const pair = (name, text) => `${encodeURIComponent(name)}=${encodeURIComponent(text)}`;
  if (parameter.style === "deepObject") {
    return Object.entries(JSON.parse(value)).map(([key, text]) => pair(`${parameter.name}[${key}]`, text));
  }
  if (parameter.schema?.type === "array") {
    return value.split("\n").filter((line) => line).map((line) => pair(parameter.name, line));
  }
  return [pair(parameter.name, value)];
}

function content(operation, values) {
  if (!operation.bodyType) return {};
  if (operation.bodyType === "*/*") {
    const file = values.get("file");
    return file && file.size ? { body: file, type: file.type || "application/octet-stream" } : {};
  }
  const text = values.get("body");
  return text.trim() ? { body: text, type: values.get("bodyType") || operation.bodyType } : {};
}

export function curl({ method, url, headers, body }) {
  const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const stream = /event-stream|ndjson/.test(headers.Accept ?? "") ? "-N " : "";
  const parts = [`curl ${stream}${method === "GET" ? "" : `-X ${method} `}${quoted(url)}`];
  for (const [name, value] of Object.entries(headers)) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body instanceof File) parts.push(`--data-binary @${quoted(body.name)}`);
  else if (body !== undefined) parts.push(`--data-binary ${quoted(body)}`);
  return parts.join(" \\\n  ");
}

// Sends, and tells `show` of the head and then of each piece of the body.
export async function send(asked, show, signal) {
  const began = performance.now();
  const answer = await fetch(asked.url, { ...asked, signal, cache: "no-store", credentials: "omit" });
  const type = answer.headers.get("Content-Type") ?? "";
  show.head(answer, performance.now() - began);
  if (/^(image|audio|video|application\/octet-stream)/.test(type)) {
    show.bytes(await answer.blob(), type);
    return;
  }
  const reader = answer.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    show.text(text.length > 200_000 ? `${text.slice(0, 200_000)}\n… (cut here)` : text, type, false);
  }
  show.text(text.length > 200_000 ? `${text.slice(0, 200_000)}\n… (cut here)` : text, type, true);
}
