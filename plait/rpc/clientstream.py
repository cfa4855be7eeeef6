"""The wire's side of a call on the client: one attempt of it, on one stream."""

from collections.abc import Callable
from typing import Any, Protocol

import grpc

from plait.rpc.http2.connection import Connection
from plait.rpc.http2.errors import ErrorCode
from plait.rpc.messages import MessageStream
from plait.rpc.response import Response, Trailers
from plait.rpc.status import Ended, of_reset


class Caller(Protocol):
    """The call that an attempt belongs to."""

    def headed(self, head: Response) -> None:
        """Hear the head of the answer."""
        ...

    def came(self) -> None:
        """Hear that a message can be read."""
        ...

    def over(self, ended: Ended, trailers: Trailers | None, *, untouched: bool) -> None:
        """Hear how the attempt ended, exactly once; `untouched` if no handler ever saw it."""
        ...


class ClientStream(MessageStream):
    """An attempt; it tells its caller what it hears."""

    __slots__ = ("_caller", "_freed", "_over", "untouched")

    def __init__(
        self,
        connection: Connection,
        stream_id: int,
        *,
        largest: int,
        caller: Caller,
        freed: Callable[[], None],
    ) -> None:
        super().__init__(connection, stream_id, largest=largest)
        self._freed = freed
        self.untouched = False
        self._caller = caller
        self._over = False

    def on_head(self, head: Any, *, end: bool) -> None:
        self._caller.headed(head)
        if head.ended is not None:
            self._end(head.ended, Trailers(head.fields, head.ended))
            if not end:
                self.reset(ErrorCode.CANCEL)  # what follows is nobody's
        elif end:
            self._end(Ended(grpc.StatusCode.UNKNOWN, "the answer ends without a status"))
        else:
            self.expect(head.encoding)

    def on_data(self, data: bytes, *, end: bool) -> None:
        if self._over:
            self.consumed(len(data))
            return
        self.take_in(data, end=end)
        self._caller.came()
        if end:
            self._end(Ended(grpc.StatusCode.UNKNOWN, "the answer ends without a status"))

    def on_trailers(self, trailers: Any) -> None:
        self.finish_taking()
        self._end(trailers.ended, trailers)

    def on_closed(self, code: ErrorCode | None, *, remote: bool) -> None:
        super().on_closed(code, remote=remote)
        self.untouched = self.untouched or (remote and code is ErrorCode.REFUSED_STREAM)
        if self.connection.is_lost:
            self.lose("the connection to the server was lost")
        elif code is not None:  # by the server, or because of what it has sent
            self._end(Ended(of_reset(code), f"the call was reset: {code.name}"))
        self._freed()

    def lose(self, reason: str) -> None:
        """Hear that the connection is gone."""
        self._end(Ended(grpc.StatusCode.UNAVAILABLE, reason))

    def give_up(self, ended: Ended) -> None:
        """End the call from this side, and tell the server to stop."""
        self._end(ended)
        self.reset(ErrorCode.CANCEL)

    def _end(self, ended: Ended, trailers: Trailers | None = None) -> None:
        if not self._over:
            self._over = True
            self.complete = True
            self._caller.over(ended, trailers, untouched=self.untouched)
