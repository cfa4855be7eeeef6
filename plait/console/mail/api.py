"""The mailbox as JSON: what its pages read, and where tests and people in a shell take a token."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plait.console.mail import query
from plait.console.mail.letter import source
from plait.console.mail.mailbox import Mail, Mailbox

_PREVIEW = 160  # characters of a text in a list


class MailApi:
    """Answers from the mailbox; `smtp` is where it takes mail, empty if it does not."""

    def __init__(self, mailbox: Mailbox, smtp: str) -> None:
        self._mailbox = mailbox
        self._smtp = smtp
        self._life = secrets.token_hex(4)  # versions begin anew with each process

    def routes(self) -> list[Route]:
        return [
            Route("/api/mail", self._list),
            Route("/api/mail/latest", self._latest),
            Route("/api/mail/{mail_id}", self._mail),
        ]

    async def _list(self, request: Request) -> Response:
        asked = query.of_list(request.query_params.multi_items())
        tag = f'"{self._life}-{self._mailbox.version}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}  # keep it, but ask each time
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        found = self._mailbox.newest(to=asked.to, after=asked.after)
        mails = [summary_to(mail) for mail, _ in zip(found, range(asked.limit), strict=False)]
        body = {"mails": mails, "stored": len(self._mailbox), "smtp": self._smtp}
        return JSONResponse(body, headers=headers)

    async def _latest(self, request: Request) -> Response:
        asked = query.of_latest(request.query_params.multi_items())
        try:
            async with asyncio.timeout(asked.wait):
                mail = await self._mailbox.arrival(to=asked.to, after=asked.after)
        except TimeoutError:
            mail = None
        if mail is None:
            to = f" to {asked.to}" if asked.to else ""
            after = f" after {asked.after}" if asked.after else ""
            raise HTTPException(404, f"no mail{to}{after} has come within {asked.wait:g} seconds")
        return _answer(mail)

    async def _mail(self, request: Request) -> Response:
        mail_id = request.path_params["mail_id"]
        mail = self._mailbox.get(mail_id)
        if mail is None:
            raise HTTPException(
                404, f"no mail {mail_id[:40]!r} here: it never was, or had to go for newer ones"
            )
        return _answer(mail)


def summary_to(mail: Mail) -> dict[str, Any]:
    """Return what a list shows of a mail."""
    letter = mail.letter
    return {
        "id": mail.id,
        "receive_time": mail.received.isoformat(timespec="milliseconds"),
        "from": letter.header("from") or mail.sender,
        "to": list(mail.recipients),
        "subject": letter.header("subject"),
        "preview": " ".join(letter.text[: 4 * _PREVIEW].split())[:_PREVIEW],
        "size_bytes": len(mail.content),
    }


def mail_to(mail: Mail) -> dict[str, Any]:
    """Return all of a mail."""
    letter = mail.letter
    return summary_to(mail) | {
        "sender": mail.sender,
        "text": letter.text,
        "html": letter.html,
        "headers": [{"name": name, "value": value} for name, value in letter.headers],
        "attachments": [
            {"name": one.name, "media_type": one.media_type, "size_bytes": one.size}
            for one in letter.attachments
        ],
        "source": source(mail.content),
    }


def _answer(mail: Mail) -> Response:
    headers: Mapping[str, str] = {"Cache-Control": "no-store"}
    return JSONResponse(mail_to(mail), headers=headers)
