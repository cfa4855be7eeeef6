// Schemas of OpenAPI: followed, shown as a list of fields, and as an example to start from.

import { element, inline } from "./dom.js";

export function resolved(document, schema) {
  if (!schema || !schema.$ref) return schema ?? {};
  const found = schema.$ref.split("/").slice(1).reduce((at, name) => at[name.replaceAll("~1", "/")], document);
  return { ...found, ...schema, $ref: undefined, name: schema.$ref.split("/").pop() };
}

// Schemas that `allOf` puts together, as one; `required` of each counts.
export function flat(document, schema) {
  const found = resolved(document, schema);
  if (found.anyOf?.[1]?.type === "null") return flat(document, found.anyOf[0]);
  let whole = { ...found };
  for (const part of found.allOf ?? []) {
    const inner = flat(document, part);
    whole = {
      ...inner,
      ...whole,
      properties: { ...inner.properties, ...whole.properties },
      required: [...(whole.required ?? []), ...(inner.required ?? [])],
    };
  }
  return whole;
}

export function kind(document, schema) {
  const found = flat(document, schema);
  if (found.enum) return `one of ${found.enum.map(String).join(", ")}`;
  if (found.type === "array") return `list of ${kind(document, found.items ?? {})}`;
  if (found.name) return found.name;
  if (found.anyOf && !found.type) return kind(document, found.anyOf[0]);
  if (found.type === "object" && found.additionalProperties) {
    return `map of ${kind(document, found.additionalProperties)}`;
  }
  return [found.type ?? "any JSON", found.format ? `(${found.format})` : ""].join(" ").trim();
}

export function limits(schema) {
  const said = [];
  const range = (low, high, what) => {
    if (low !== undefined && high !== undefined) said.push(`${low} to ${high}${what}`);
    else if (low !== undefined) said.push(`at least ${low}${what}`);
    else if (high !== undefined) said.push(`at most ${high}${what}`);
  };
  range(schema.minLength || undefined, schema.maxLength, " characters");
  range(schema.minItems || undefined, schema.maxItems, " items");
  const whole = schema.format === "int32" || schema.format === "uint32";
  range(whole && schema.minimum === -(2 ** 31) ? undefined : schema.minimum,
    whole && schema.maximum >= 2 ** 31 - 1 ? undefined : schema.maximum, "");
  if (schema.uniqueItems) said.push("each once");
  if (schema.pattern && schema.format === undefined) said.push(schema.pattern.replace(/^\^\$\|/, ""));
  return said;
}

export function fields(document, schema, above = []) {
  let found = flat(document, schema);
  if (found.type === "array") found = flat(document, found.items);
  const list = element("ul", { class: "schema" });
  for (const [name, property] of Object.entries(found.properties ?? {})) {
    const inner = flat(document, property);
    const item = inner.type === "array" ? flat(document, inner.items) : inner;
    const deeper = item.properties && !above.includes(item.name);
    const head = [
      element("code", {}, name), " ",
      element("span", { class: "type" }, kind(document, property)),
      (found.required ?? []).includes(name) ? element("span", { class: "must" }, " required") : null,
      property.readOnly ? element("span", { class: "tag" }, "read only") : null,
      property.deprecated ? element("span", { class: "tag" }, "deprecated") : null,
    ];
    const about = inner.description ? element("div", { class: "about" }, ...inline(inner.description)) : null;
    const bounds = limits(inner).map((limit) => element("code", {}, limit));
    const rules = bounds.length ? element("div", { class: "about" }, ...bounds.flatMap((b) => [b, " "])) : null;
    list.append(deeper
      ? element("li", {}, element("details", {}, element("summary", {}, ...head), about, rules,
        fields(document, item, [...above, found.name, item.name])))
      : element("li", {}, ...head, about, rules));
  }
  return list;
}

export function example(document, schema, above = []) {
  const found = flat(document, schema);
  if (found.examples?.length) return found.examples[0];
  if (found.const !== undefined) return found.const;
  if (found.enum) return found.enum.find((value) => !String(value).endsWith("UNSPECIFIED")) ?? found.enum[0];
  if (found.anyOf && !found.type) return example(document, found.anyOf[0], above);
  switch (found.type) {
    case "object": {
      if (!found.properties || above.includes(found.name)) return {};
      const must = found.required ?? [];
      const wanted = Object.entries(found.properties).filter(([name, property]) => {
        const inner = flat(document, property);
        return !property.readOnly && !inner.readOnly && (must.includes(name) || above.length === 0 || must.length === 0);
      });
      const shown = must.length ? wanted.filter(([name]) => must.includes(name)) : wanted.slice(0, 8);
      return Object.fromEntries(shown.map(([name, property]) =>
        [name, example(document, property, [...above, found.name ?? ""])]));
    }
    case "array": return above.length > 3 ? [] : [example(document, found.items ?? {}, above)];
    case "integer": case "number": return Math.max(found.minimum ?? 0, 0);
    case "boolean": return true;
    case "string":
      if (found.format === "date-time") return "2026-01-31T12:00:00Z";
      if (found.format === "int64" || found.format === "uint64") return "1";
      return "";
    default: return null;
  }
}
