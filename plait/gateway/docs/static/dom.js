// Elements, and the comments of contracts as elements: always as text, never as HTML.

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Paragraphs, `code`, lists and indented blocks: what comments in contracts use.
export function text(comment) {
  const made = element("div", { class: "text" });
  for (const block of comment.split(/\n\s*\n/)) {
    if (block.trim()) made.append(paragraph(block));
  }
  return made;
}

function paragraph(block) {
  const lines = block.split("\n");
  if (lines.every((line) => /^\s{2,}\S/.test(line))) {
    const margin = Math.min(...lines.map((line) => line.search(/\S/)));
    return element("pre", {}, element("code", {}, lines.map((line) => line.slice(margin)).join("\n")));
  }
  if (/^\s*[-*] /.test(lines[0])) {
    const items = block.split(/\n(?=\s*[-*] )/).map((item) => item.replace(/^\s*[-*] /, ""));
    return element("ul", {}, ...items.map((item) => element("li", {}, ...inline(item))));
  }
  return element("p", {}, ...inline(block));
}

export function inline(line) {
  return line.split(/(`[^`]+`)/).map((part) =>
    part.startsWith("`") && part.endsWith("`") && part.length > 2
      ? element("code", {}, part.slice(1, -1))
      : part.replace(/\s+/g, " "));
}
