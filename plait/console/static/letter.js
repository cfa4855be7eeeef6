// One mail. What its sender wrote is text here, whatever it says; links are followed by whoever wants.

import { byId, bytes, capital, clock, copyButton, h, plural, poll, read, Refused, showEmpty } from "/static/lib.js";

const LINK = /https?:\/\/[^\s<>"'`]+/g;
const AFTER_A_LINK = /[.,;:!?)\]}]+$/;
const id = decodeURIComponent(location.pathname.split("/").pop());

async function look() {
  try {
    show(await read(`/api/mail/${encodeURIComponent(id)}`));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    showEmpty("This mail is not here", h("p", {}, capital(error.message)), h("p", {}, h("a", { href: "/mail" }, "All mail")));
  }
  return false; // a mail does not change
}

function show(mail) {
  document.title = `${mail.subject || "(no subject)"} · plait console`;
  byId("letter").replaceChildren(...parts(mail));
  byId("letter").hidden = false;
}

function parts(mail) {
  const received = h("time", { datetime: mail.receive_time }, clock(Date.parse(mail.receive_time)));
  const facts = [["From", mail.from], ["To", mail.to.join(", ")], ["Received", received], ["Size", bytes(mail.size_bytes)]];
  return [
    h("p", { class: "crumbs" }, h("a", { href: "/mail" }, "Mail"), h("span", { class: "dim" }, " / "),
      h("code", { class: "dim" }, mail.id), " ", h("a", { href: `/api/mail/${mail.id}`, class: "dim" }, "JSON")),
    h("h1", {}, mail.subject || "(no subject)"),
    h("dl", { class: "envelope" }, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]).flat()),
    mail.html ? h("p", { class: "note wide" }, "This mail has no text, only HTML: here is its source. Nothing of it is shown as a page, loaded or run.") : null,
    h("div", { class: "paper" }, copyButton(mail.text, "Copy the text"),
      mail.text.trim() ? h("pre", { class: mail.html ? "source" : "text" }, mail.html ? mail.text : linked(mail.text))
        : h("p", { class: "dim" }, "(no text)")),
    mail.attachments.length ? h("section", { class: "attachments" }, h("h2", {}, plural(mail.attachments.length, "attachment")),
      h("ul", {}, mail.attachments.map((one) => h("li", {}, one.name || "(no name)", " ",
        h("span", { class: "dim" }, `${one.media_type}, ${bytes(one.size_bytes)}`))))) : null,
    fold("Headers", h("dl", { class: "headers" }, mail.headers.map(({ name, value }) => [h("dt", {}, name), h("dd", {}, value)]).flat())),
    fold("Source", h("pre", { class: "source" }, mail.source)),
  ].filter((node) => node != null);
}

const fold = (title, content) => h("details", { class: "more" }, h("summary", {}, title), content);

/** Splits a text at its links. */
function linked(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const url = match[0].replace(AFTER_A_LINK, "");
    nodes.push(text.slice(end, match.index), h("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, url));
    end = match.index + url.length;
  }
  return [...nodes, text.slice(end)];
}

poll(look, 2);
