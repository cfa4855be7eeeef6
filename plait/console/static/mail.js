// The mails, the newest first: read again each second, narrowed by what the address bar repeats.

import { ago, byId, clock, copyButton, h, plural, poll, read, showEmpty } from "/static/lib.js";

const find = byId("find");
const kept = new Map(); // rows by id: mails do not change, and the one under the cursor stays
let found = { mails: [], stored: 0, smtp: "" };

async function look() {
  found = await read("/api/mail");
  show();
}

function show() {
  const words = find.value.trim().toLowerCase();
  const mails = found.mails.filter((mail) => said(mail).includes(words));
  byId("count").textContent = words ? `${mails.length.toLocaleString()} of ${found.stored.toLocaleString()}` : plural(mails.length, "mail");
  byId("list").hidden = mails.length === 0;
  byId("empty").hidden = mails.length > 0;
  find.hidden = found.mails.length === 0;
  if (mails.length === 0) showWhyEmpty();
  const first = kept.size === 0;
  for (const id of kept.keys()) if (!found.mails.some((mail) => mail.id === id)) kept.delete(id);
  place(mails.map((mail) => row(mail, first)));
}

const said = (mail) => [mail.from, ...mail.to, mail.subject, mail.preview].join("\n").toLowerCase();

function place(rows) {
  const body = byId("rows");
  rows.forEach((element, index) => {
    if (body.children[index] !== element) body.insertBefore(element, body.children[index] ?? null);
  });
  while (body.children.length > rows.length) body.lastChild.remove();
}

function row(mail, first) {
  if (!kept.has(mail.id)) {
    kept.set(mail.id, h("tr", { class: first ? "" : "new" },
      h("td", { class: "to", title: mail.to.join(", ") }, mail.to[0] ?? "",
        mail.to.length > 1 ? h("span", { class: "dim" }, ` +${mail.to.length - 1}`) : null),
      h("td", { class: "subject" }, h("div", {},
        h("a", { href: `/mail/${mail.id}` }, mail.subject || "(no subject)"),
        h("span", { class: "dim preview" }, mail.preview))),
      h("td", { class: "from", title: mail.from }, mail.from),
      h("td", { class: "number when" },
        h("time", { datetime: mail.receive_time, title: clock(Date.parse(mail.receive_time)) }))));
  }
  const element = kept.get(mail.id);
  element.querySelector("time").textContent = ago(Date.parse(mail.receive_time));
  return element;
}

function showWhyEmpty() {
  if (found.mails.length > 0) {
    showEmpty("No mail like this",
      h("p", {}, `${plural(found.mails.length, "mail")} here, none with these words. `,
        h("button", { type: "button", class: "quiet", onclick: clear }, "Show all")));
  } else if (!found.smtp) {
    showEmpty("The mailbox is off",
      h("p", {}, "This console was started without PLAIT_SMTP_PORT, so it takes no mail. With smtp_port under [console] in plait.toml it does."));
  } else {
    const address = `smtp://${found.smtp}`;
    showEmpty("No mail yet",
      h("p", {}, "What the services send appears here at once. Any other program can send here too:"),
      h("p", { class: "command" }, h("code", {}, address), copyButton(address, "Copy the address")));
  }
}

function clear() {
  find.value = "";
  search();
  find.focus();
}

function search() {
  const words = find.value.trim();
  history.replaceState(null, "", words ? `?${new URLSearchParams({ find: words })}` : location.pathname);
  show();
}

find.value = new URLSearchParams(location.search).get("find") ?? "";
find.addEventListener("input", search);
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  find.focus();
});
poll(look, 1);
