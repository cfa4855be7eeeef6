"""The public keys of an issuer of tokens, read where they are published, when that is needed."""

import asyncio
import logging
from collections.abc import Mapping
from contextvars import Context
from typing import Protocol

from plait.clock import Clock
from plait.errors import Unavailable
from plait.mesh.identity.jwk import PublicKey
from plait.mesh.identity.ring import Pace, Ring, Step

_NOWHERE = Pace(max_age=1.0, search=1.0, retry=1.0, in_background=False)
_log = logging.getLogger(__name__)


class KeysUnavailable(Unavailable):
    """The keys that would prove a token were never read."""


class KeySource(Protocol):
    """Where keys are published; `str` of it names the place in logs."""

    @property
    def pace(self) -> Pace:
        """How often it wants to be read."""
        ...

    async def read(self) -> Mapping[str, PublicKey] | None:
        """Return all keys by key id, or None if they are what the last read returned.

        Raises whatever keeps it from that; it must end in time by itself.
        """
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...


class Keys:
    """The keys of one source; whoever asks at the same time shares one read.

    Keys that were read once are kept when the source is away or broken. A complaint about it is
    logged once, until it can be read again.

    Args:
        source: where they are; None: nowhere, so that no token can be checked.
        clock: what their age is measured with.
    """

    def __init__(self, source: KeySource | None, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._ring = Ring(source.pace if source else _NOWHERE)
        self._retry_after = (source.pace if source else _NOWHERE).retry
        self._reading: asyncio.Task[None] | None = None

    @property
    def version(self) -> int:
        """Grows with each change of the keys."""
        return self._ring.version

    def is_due(self) -> bool:
        """Whether `refresh` would do anything; asked for each token, so it costs little."""
        return self._clock.monotonic() >= self._ring.due

    async def refresh(self) -> bool:
        """Read the keys if that is due; return whether that was waited for."""
        step = self._ring.step(self._clock.monotonic())
        if step is Step.USE or self._source is None:
            return False
        reading = self._begun(self._source)
        if step is Step.USE_AND_READ:
            return False
        await asyncio.shield(reading)
        return True

    async def find(self, kid: str, *, fresh: bool) -> PublicKey | None:
        """Return the key with this id, None if the issuer has none as far as is known.

        An id that is not known makes the keys be read anew, at most as often as the source's pace
        says; until then it stays unknown.

        Args:
            kid: the id.
            fresh: what `refresh` has just returned: then an unknown id is worth no second read.

        Raises:
            KeysUnavailable: no keys could be read so far.
        """
        known = self._ring.keys
        if known is not None and kid not in known and not fresh:
            await self._search(self._clock.monotonic())
        if self._ring.keys is None:
            raise KeysUnavailable(
                f"tokens cannot be checked: {self._missing()}", retry_after=self._retry_after
            )
        return self._ring.keys.get(kid)

    async def close(self) -> None:
        """End a read that goes on, and let go of the source."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait((self._reading,))
        if self._source is not None:
            await self._source.close()

    async def _search(self, now: float) -> None:
        if self._source and (self._reading or self._ring.may_search(now)):
            await asyncio.shield(self._begun(self._source))

    def _begun(self, source: KeySource) -> asyncio.Task[None]:
        if self._reading is None:
            # In a context of its own: neither the deadline nor the trace nor the user of the call
            # that happened to be first are those of the read, which others share.
            work, context = self._read(source), Context()
            self._reading = asyncio.get_running_loop().create_task(work, context=context)
            self._reading.add_done_callback(self._ended)
        return self._reading

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._reading = None

    async def _read(self, source: KeySource) -> None:
        try:
            keys = await source.read()
        except Exception as error:  # noqa: BLE001 - whatever it is, the keys cannot be read
            if self._ring.failed(self._clock.monotonic()):
                kept = "the known ones are kept" if self._ring.keys else "no token can be checked"
                _log.warning("the keys in %s cannot be read, %s: %s", source, kept, error)
            return
        if self._ring.failing:
            _log.info("the keys in %s can be read again", source)
        self._ring.got(keys, self._clock.monotonic())

    def _missing(self) -> str:
        if self._source is None:
            return "it is not set where the keys are (PLAIT_USER_JWKS, PLAIT_WORKLOAD_JWKS)"
        return "the keys of their issuer could not be read"
