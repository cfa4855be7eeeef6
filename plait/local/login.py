"""Who is logged in here: one session, in a file that only this user reads, renewed when it is due.

A refresh token works once, and using it twice ends the session. So whoever uses it holds a lock
until the next one is written down.
"""

import json
from collections.abc import Awaitable, Callable

from plait.clock import Clock
from plait.local.folders import Folders, write_private
from plait.local.lock import locked
from plait.local.mistake import REFUSED, Mistake
from plait.local.sessions import Session, SessionEnded

GoOn = Callable[[Session], Awaitable[Session]]
"""Returns the session with new tokens, as `Sessions.go_on` does."""


class KeptLogin:
    """The last log-in of this project."""

    def __init__(self, folders: Folders, clock: Clock) -> None:
        self._folders = folders
        self._clock = clock

    def read(self) -> Session | None:
        """Return the session; None if nobody is logged in.

        Raises:
            Mistake: the file holds something else.
        """
        try:
            text = self._folders.login.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            return Session.from_json(json.loads(text))
        except (KeyError, TypeError, ValueError) as error:
            raise Mistake(
                f"{self._folders.login} holds no session: log in again, with `plait login`",
                code=REFUSED,
            ) from error

    async def keep(self, session: Session) -> None:
        """Keep this session in place of the one before."""
        self._folders.create()
        async with locked(self._folders.login_lock):
            self._write(session)

    async def forget(self) -> Session | None:
        """Forget the session, and return it to whoever wants to end it."""
        if not self._folders.login.exists():
            return None
        async with locked(self._folders.login_lock):
            try:
                return self.read()
            finally:
                self._folders.login.unlink(missing_ok=True)

    async def token(self, go_on: GoOn) -> str:
        """Return an access token that is good now; the empty string if nobody is logged in.

        Raises:
            SessionEnded: it has; nobody is logged in any more.
            Mistake: the file holds something else, or `go_on` failed.
        """
        session = self.read()
        if session is None or session.good(self._clock.now()):
            return "" if session is None else session.access_token
        async with locked(self._folders.login_lock):
            session = self.read()  # somebody else may just have renewed it
            if session is None or session.good(self._clock.now()):
                return "" if session is None else session.access_token
            try:
                session = await go_on(session)
            except SessionEnded:
                self._folders.login.unlink(missing_ok=True)
                raise
            self._write(session)
            return session.access_token

    def _write(self, session: Session) -> None:
        write_private(self._folders.login, json.dumps(session.to_json()))
