"""Logs people in, goes on with their sessions and ends them, by the methods of [login].

The methods are called by reflection: `plait.local.project.Login` says what they take and answer.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from plait.errors import DeadlineExceeded, Error, ResourceExhausted, Unauthenticated, Unavailable
from plait.local import secrets
from plait.local.environment import target
from plait.local.folders import Folders
from plait.local.mistake import NOT_RUNNING, REFUSED, USAGE, Mistake
from plait.local.project import FILE, Login, Method, Project
from plait.local.reflection import Reflection, find
from plait.mesh.channel import connect

_MARGIN = timedelta(seconds=10)  # a token that expires on its way is of no use
_TIMEOUT = 10.0  # seconds


class SessionEnded(Mistake):
    """The session cannot be gone on with: somebody has to log in again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who is logged in, and the tokens that prove it."""

    user: str
    access_token: str = field(repr=False)
    expires: datetime
    refresh_token: str = field(repr=False)

    def good(self, now: datetime) -> bool:
        """Whether the access token can still be used."""
        return now + _MARGIN <= self.expires

    def to_json(self) -> dict[str, str]:
        return {
            "user": self.user,
            "access_token": self.access_token,
            "access_token_expire_time": self.expires.isoformat(),
            "refresh_token": self.refresh_token,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Session":
        """Read what `to_json` or a log-in has answered.

        Raises:
            KeyError, TypeError, ValueError: it is not that.
        """
        return cls(
            user=str(values["user"]),
            access_token=str(values["access_token"]),
            expires=datetime.fromisoformat(values["access_token_expire_time"]),
            refresh_token=str(values["refresh_token"]),
        )


class Sessions:
    """Asks the service that knows the users.

    Raises Mistake where plait.toml has no [login], where the service does not answer, and for what
    it refuses; the code is `REFUSED` for what only another log-in can mend.
    """

    def __init__(self, project: Project, inherited: Mapping[str, str]) -> None:
        if project.login is None:
            raise Mistake(
                f"nobody can log in here: {FILE} has no [login], which names the methods for it",
                code=USAGE,
            )
        self._login: Login = project.login
        self._project = project
        self._inherited = inherited

    async def log_in(self, email: str, password: str) -> Session:
        """Open a session.

        Raises:
            Mistake: see above; says in how many seconds to try again after too many failures.
        """
        method = self._login.method
        try:
            answer = await self._ask(method, {"email": email, "password": password})
        except Unauthenticated as error:
            raise Mistake(
                f"the log-in as {email} was refused: the address or the password is wrong",
                code=REFUSED,
            ) from error
        except ResourceExhausted as error:
            raise Mistake(
                f"the log-in as {email} was refused: too many attempts{_again(error)}", code=REFUSED
            ) from error
        except Error as error:
            raise self._failed(method, error) from error
        return _session(method, answer)

    async def log_in_as_admin(self) -> Session:
        """Open a session of the first administrator, with the password that `plait up` made.

        Raises:
            Mistake: there is no such administrator or no such password; or see above.
        """
        admin = self._login.admin
        if admin is None:
            raise Mistake(f"{FILE} names no administrator: [login] has no admin", code=USAGE)
        folders = Folders(root=self._project.root)
        password = secrets.read(admin.secret, folders, self._inherited)
        try:
            return await self.log_in(admin.email, password)
        except Mistake as error:
            if not isinstance(error.__cause__, Unauthenticated):
                raise
            raise Mistake(
                f"{error}; if it was changed, `plait login {admin.email}` asks for it",
                code=REFUSED,
            ) from error

    async def go_on(self, session: Session) -> Session:
        """Return the session with new tokens; its refresh token is used up by this.

        Raises:
            SessionEnded: the service does not know the token any more.
            Mistake: see above.
        """
        method = self._login.refresh
        try:
            answer = await self._ask(method, {"refresh_token": session.refresh_token})
        except Unauthenticated as error:
            raise SessionEnded(
                f"the session of {session.user} has ended ({error.reason}): log in again, with "
                "`plait login`",
                code=REFUSED,
            ) from error
        except Error as error:
            raise self._failed(method, error) from error
        return _session(method, answer)

    async def log_out(self, session: Session) -> None:
        """End the session.

        Raises:
            Mistake: see above.
        """
        method = self._login.logout
        try:
            await self._ask(method, {"refresh_token": session.refresh_token})
        except Error as error:
            raise self._failed(method, error) from error

    async def _ask(self, method: Method, request: dict[str, Any]) -> dict[str, Any]:
        where = target(self._project, self._inherited, method.service)
        async with connect("server", target=where, stack=(), environ={}) as channel:
            reflection = Reflection(channel)
            services = await reflection.methods(await reflection.services())
            found = find(str(method), services)
            message = GetMessageClass(found.input_type)()
            try:
                json_format.ParseDict(request, message, descriptor_pool=reflection.pool)
            except json_format.ParseError as error:
                raise Mistake(
                    f"{method}, of [login] in {FILE}, does not take {', '.join(request)}: {error}",
                    code=USAGE,
                ) from error
            call = channel.unary_unary(
                f"/{found.containing_service.full_name}/{found.name}",
                request_serializer=_bytes,
                response_deserializer=GetMessageClass(found.output_type).FromString,
            )
            answer = await call(message, timeout=_TIMEOUT)
            return json_format.MessageToDict(
                answer, preserving_proto_field_name=True, descriptor_pool=reflection.pool
            )

    def _failed(self, method: Method, error: Error) -> Mistake:
        if isinstance(error, Unavailable | DeadlineExceeded):
            where = target(self._project, self._inherited, method.service)
            return Mistake(
                f"{method.service} does not answer at {where}: `plait ps` shows how it is, "
                "`plait up` starts it",
                code=NOT_RUNNING,
            )
        return Mistake(f"{method} failed with {error.code.name}: {error.message}{_again(error)}")


def _session(method: Method, answer: Mapping[str, Any]) -> Session:
    try:
        return Session.from_json(answer)
    except (KeyError, TypeError, ValueError) as error:
        raise Mistake(
            f"{method}, of [login] in {FILE}, does not answer a session with user, access_token, "
            f"access_token_expire_time and refresh_token: {error!r}",
            code=USAGE,
        ) from error


def _again(error: Error) -> str:
    return "" if error.retry_after is None else f"; try again in {math.ceil(error.retry_after)} s"


def _bytes(message: Message) -> bytes:
    return message.SerializeToString()
