"""The newest mails, within bounds that no sender can move, in memory and if wanted in a folder.

A mail's file has the message as it came, behind one more header with its envelope, so that any mail
program opens it. A console that is started again reads them back.
"""

import asyncio
import json
import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from plait.clock import Clock
from plait.console.mail.letter import Letter, clean, read

_ENVELOPE = b"X-Envelope: "
_FILE = re.compile(r"(?P<id>[0-9a-f]{16})\.eml")
_UNFINISHED = re.compile(r"[0-9a-f]{16}\.new")
_MAIL_BYTES = 1024  # an empty mail in memory, rounded up

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the mailbox may hold; `total_bytes` counts the mails as they came."""

    mails: int = 200
    total_bytes: int = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail and its envelope; `id` sorts by time of arrival."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)
    letter: Letter = field(repr=False)

    @property
    def received(self) -> datetime:
        return datetime.fromtimestamp(int(self.id, 16) / 1e9, UTC)

    @property
    def size(self) -> int:
        """Bytes, as counted against the limit."""
        return len(self.content) + _MAIL_BYTES


class Mailbox:
    """Keeps the newest mails; the oldest go first.

    Args:
        clock: says when a mail has arrived.
        folder: where they are kept beyond this process; None: nowhere.
        limits: how many, and how much.
    """

    def __init__(
        self, clock: Clock, folder: Path | None = None, limits: Limits | None = None
    ) -> None:
        self._clock = clock
        self._folder = folder
        self._limits = limits or Limits()
        self._mails: dict[str, Mail] = {}
        self._size = 0
        self._last = 0
        self._version = 0
        self._news = asyncio.Event()
        self._closed = False
        for mail in self._kept():
            self._take(mail)

    @property
    def version(self) -> int:
        """Grows with every mail."""
        return self._version

    def __len__(self) -> int:
        return len(self._mails)

    def get(self, mail_id: str) -> Mail | None:
        """Return the mail, if it is still here."""
        return self._mails.get(mail_id)

    def newest(self, *, to: str = "", after: str = "") -> Iterator[Mail]:
        """Yield the mails, the newest first: those to an address, those that came after another."""
        wanted = to.lower()
        for mail in reversed(self._mails.values()):
            if mail.id <= after:
                return
            if not wanted or wanted in (recipient.lower() for recipient in mail.recipients):
                yield mail

    async def arrival(self, *, to: str = "", after: str = "") -> Mail | None:
        """Return the newest such mail as soon as there is one; None once the mailbox is closed."""
        while True:
            news = self._news
            found = next(self.newest(to=to, after=after), None)
            if found is not None or self._closed:
                return found
            await news.wait()

    def add(self, sender: str, recipients: Sequence[str], content: bytes) -> Mail:
        """Keep a mail.

        Raises:
            OSError: its file cannot be written; then it is not kept at all.
        """
        self._last = max(int(self._clock.now().timestamp() * 1e9), self._last + 1)
        mail = Mail(
            id=f"{self._last:016x}",
            sender=clean(sender),
            recipients=tuple(clean(recipient) for recipient in recipients),
            content=content,
            letter=read(content),
        )
        self._write(mail)
        self._take(mail)
        self._wake()
        return mail

    def close(self) -> None:
        """Let whoever waits for an arrival go."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _take(self, mail: Mail) -> None:
        self._mails[mail.id] = mail
        self._last = int(mail.id, 16)
        self._size += mail.size
        self._version += 1
        while len(self._mails) > self._limits.mails or self._size > self._limits.total_bytes:
            oldest = self._mails.pop(next(iter(self._mails)))
            self._size -= oldest.size
            if self._folder is not None:
                self._file(self._folder, oldest.id).unlink(missing_ok=True)

    def _kept(self) -> Iterator[Mail]:
        if self._folder is None or not self._folder.is_dir():
            return
        for path in sorted(self._folder.iterdir()):
            if _UNFINISHED.fullmatch(path.name):  # a console was killed while it wrote it
                path.unlink()
            name = _FILE.fullmatch(path.name)
            if name is None:
                continue
            try:
                yield _opened(name["id"], path.read_bytes())
            except (OSError, ValueError, KeyError, TypeError) as error:
                log.warning("%s is left alone: it is no mail of this mailbox: %r", path, error)

    def _write(self, mail: Mail) -> None:
        if self._folder is None:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._file(self._folder, mail.id)
        fresh = path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_closed_up(mail))
        fresh.replace(path)

    def _file(self, folder: Path, mail_id: str) -> Path:
        return folder / f"{mail_id}.eml"


def _closed_up(mail: Mail) -> bytes:
    envelope = json.dumps({"sender": mail.sender, "recipients": mail.recipients})
    return _ENVELOPE + envelope.encode() + b"\r\n" + mail.content


def _opened(mail_id: str, data: bytes) -> Mail:
    head, _, content = data.partition(b"\r\n")
    if not head.startswith(_ENVELOPE):
        raise ValueError("it has no envelope")
    envelope = json.loads(head.removeprefix(_ENVELOPE))
    return Mail(
        id=mail_id,
        sender=str(envelope["sender"]),
        recipients=tuple(str(one) for one in envelope["recipients"]),
        content=content,
        letter=read(content),
    )
