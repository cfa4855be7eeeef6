"""Brings letters to people: at least once, in spite of restarts and of servers that are away."""

import asyncio
import logging
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Protocol

from plait.clock import Clock
from services.identity.letters import Letter, message
from services.identity.store import Letters
from services.identity.vault import ONE_TIME, Vault

LEASE = timedelta(minutes=2)
"""How long a letter that was taken is left to the one who sends it."""

MOST_ATTEMPTS = 8
"""How often a letter is tried that the mail server refuses: for some two hours."""

_BATCH = 50
_LONGEST_LOOK = 10.0  # seconds until letters of other processes are seen
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
_FIRST_AWAY, _LONGEST_AWAY = timedelta(seconds=2), timedelta(minutes=1)
_MOST_DOUBLINGS = 30

_log = logging.getLogger(__name__)


class MailServerAway(Exception):
    """No message can be sent now; the text says why, and nothing of the message."""


class MailRefused(Exception):
    """The mail server does not take this message; the text has its code, not its words."""


class Mail(Protocol):
    """Takes messages to people."""

    async def send(self, mail: EmailMessage) -> None:
        """Hand over a message.

        Raises:
            MailServerAway: it cannot be handed over now, and no other can.
            MailRefused: this one is not taken.
        """
        ...


class Delivery:
    """Sends letters when they are due.

    Args:
        letters: where they wait.
        mail: what takes them.
        vault: what their tokens are made with.
        clock: what says when they are due.
        sender: whom they come from.
    """

    def __init__(
        self, letters: Letters, mail: Mail, *, vault: Vault, clock: Clock, sender: str
    ) -> None:
        self._letters = letters
        self._mail = mail
        self._vault = vault
        self._clock = clock
        self._sender = sender
        self._news = asyncio.Event()
        self._away = 0  # rounds in a row in which the mail server was away

    def wake(self) -> None:
        """Look for letters now."""
        self._news.set()

    async def run(self) -> None:
        """Send letters until cancelled."""
        while True:
            self._news.clear()
            await self.deliver()
            try:
                async with asyncio.timeout(await self._pause()):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def deliver(self) -> int:
        """Send every letter that is due; return how many were."""
        sent = 0
        while letters := await self._letters.due(self._clock.now(), _BATCH):
            for letter in letters:
                try:
                    sent += await self._deliver(letter)
                except MailServerAway as error:
                    _log.warning("no mail can be sent: %s", error)
                    return sent
            self._away = 0
        return sent

    async def _deliver(self, letter: Letter) -> bool:
        token = self._vault.one_time_token(letter.name)
        now = self._clock.now()
        to = await self._letters.take(
            letter, self._vault.digest(ONE_TIME, token), now=now, until=now + LEASE
        )
        if to is None:
            return False
        try:
            await self._mail.send(message(letter, token=token, to=to, sender=self._sender))
        except MailServerAway:
            self._away += 1
            later = now + self._rest()
            await self._letters.put_back(letter, later, attempts=letter.attempts)
            raise
        except Exception as error:  # noqa: BLE001 - one letter must not hold up the others
            await self._refused(letter, error, now)
            return False
        await self._letters.sent(letter)
        return True

    async def _refused(self, letter: Letter, error: Exception, now: datetime) -> None:
        """Try again later, or leave it to a person."""
        attempts = letter.attempts + 1
        why = str(error) if isinstance(error, MailRefused) else type(error).__name__
        if attempts >= MOST_ATTEMPTS:
            _log.error("the letter %s is given up after %d tries: %s", letter.name, attempts, why)
            await self._letters.park(letter)
            return
        _log.warning("the letter %s was refused: %s; it is tried again", letter.name, why)
        pause = _doubled(_FIRST_PAUSE, letter.attempts, _LONGEST_PAUSE)
        await self._letters.put_back(letter, now + pause, attempts=attempts)

    async def _pause(self) -> float:
        """Return the seconds until there may be something to send."""
        if self._away:
            return self._rest().total_seconds()
        due = await self._letters.next_due()
        if due is None:
            return _LONGEST_LOOK
        left = (due - self._clock.now()).total_seconds()
        return min(max(left, 0.0), _LONGEST_LOOK)

    def _rest(self) -> timedelta:
        """Return how long to leave a server alone that was away so often."""
        return _doubled(_FIRST_AWAY, self._away - 1, _LONGEST_AWAY)


def _doubled(first: timedelta, times: int, longest: timedelta) -> timedelta:
    factor: int = 2 ** min(times, _MOST_DOUBLINGS)
    return min(first * factor, longest)
