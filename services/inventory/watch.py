"""Who watches which stock: told of each change, and of the last one if several came at once.

This process' own changes are told as soon as they are durable; those of others are found by one
look at all that is watched, once an interval. A watcher keeps no stock, only the names of what has
changed and was not sent yet: one that reads slowly holds nothing up, and misses nothing but states
that were over before it asked.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from plait.data.resume import invalid_resume_token, resume_token, resumed
from plait.errors import Unavailable
from services.inventory.domain import Stock
from services.inventory.store import Store

_VERSION_BYTES = 6  # of a stock's etag: 100 of them make a token of 816 characters
_NONE = bytes(_VERSION_BYTES)  # nothing was sent yet

Sleep = Callable[[float], Awaitable[None]]


class ServerStopping(Unavailable):
    """The stream ends because the server does; another one goes on with the resume token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Which version of each product's stock a watcher has been sent; what its tokens hold."""

    versions: Mapping[str, bytes]

    @classmethod
    def of(cls, products: Iterable[str], token: str) -> Self:
        """Return what a token says of these products, in any order; nothing without one.

        Raises:
            InvalidResumeToken: it is damaged, or belongs to other products.
        """
        names = sorted(products)
        if not token:
            return cls(versions=dict.fromkeys(names, _NONE))
        place = resumed(token, _query(names))
        if len(place) != _VERSION_BYTES * len(names):
            raise invalid_resume_token()
        starts = range(0, len(place), _VERSION_BYTES)
        versions = (place[start : start + _VERSION_BYTES] for start in starts)
        return cls(versions=dict(zip(names, versions, strict=True)))

    @property
    def token(self) -> str:
        """The token that goes on from here, at most 816 characters for 100 products."""
        names = sorted(self.versions)
        return resume_token(b"".join(self.versions[name] for name in names), _query(names))

    def has(self, stock: Stock) -> bool:
        return self.versions[stock.product] == _version(stock)

    def with_(self, stock: Stock) -> "Seen":
        return replace(self, versions={**self.versions, stock.product: _version(stock)})


@dataclass(slots=True, eq=False)
class _Watcher:
    """One stream: the products that it may have to be sent, and what wakes it."""

    products: Sequence[str]
    changed: dict[str, None] = field(default_factory=dict[str, None])  # in order, each once
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, product: str) -> None:
        self.changed[product] = None
        self.news.set()


class StockWatch:
    """All watchers of this process.

    Args:
        store: where the stock is; tells of what this process changes.
        interval: seconds between two looks for what others have changed.
        sleep: what waits between them.
    """

    def __init__(self, store: Store, *, interval: float, sleep: Sleep = asyncio.sleep) -> None:
        self._store = store
        self._interval = interval
        self._sleep = sleep
        self._latest: dict[str, Stock] = {}  # of what is watched, the newest that is known
        self._watchers: dict[str, set[_Watcher]] = {}
        self._fresh: set[str] = set()  # what became known since the last look began
        self._stopping = False
        store.listen(self.tell)

    async def watch(
        self, products: Sequence[str], seen: Seen
    ) -> AsyncGenerator[tuple[Stock, Seen]]:
        """Yield the stock of these products as it is, then after each change, and what was seen.

        It begins with what differs from `seen`. A product without stock comes when it has some.

        Raises:
            ServerStopping: `close` was called.
        """
        watcher = self._join(products)  # first: what changes from now on is not missed
        try:
            self.tell(await self._store.find(products))
            watcher.changed = dict.fromkeys(products)
            while not self._stopping:
                while watcher.changed:
                    stock = self._latest.get(_first(watcher.changed))
                    if stock is not None and not seen.has(stock):
                        seen = seen.with_(stock)
                        yield stock, seen
                watcher.news.clear()
                await watcher.news.wait()
            raise ServerStopping("the server is stopping: go on elsewhere with the resume_token")
        finally:
            self._leave(watcher)

    def tell(self, stocks: Iterable[Stock]) -> None:
        """Take in stock as it was a moment ago; what is older than what is known is left out."""
        for stock in stocks:
            known = self._latest.get(stock.product)
            if stock.product in self._watchers:
                self._fresh.add(stock.product)
                if known is None or stock.revision > known.revision:
                    self._take(stock)

    async def look(self) -> None:
        """Look once at all that is watched, for what others have changed."""
        self._fresh.clear()
        if not self._watchers:
            return
        for stock in await self._store.find(list(self._watchers)):
            # Of what has become known meanwhile it is not known which is newer, but by the
            # revision; of all else the database is right, even if it was restored from a backup.
            if stock.product in self._fresh:
                self.tell([stock])
            elif stock.product in self._watchers and stock != self._latest.get(stock.product):
                self._take(stock)

    async def follow(self) -> None:
        """Look again and again, until it is cancelled; then end all streams."""
        try:
            while True:
                await self._sleep(self._interval)
                await self.look()
        except asyncio.CancelledError:
            self.close()
            raise

    def close(self) -> None:
        """End every stream, also those that are still to come."""
        self._stopping = True
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.news.set()

    def _take(self, stock: Stock) -> None:
        self._latest[stock.product] = stock
        for watcher in self._watchers[stock.product]:
            watcher.tell(stock.product)

    def _join(self, products: Sequence[str]) -> _Watcher:
        watcher = _Watcher(products)
        for product in products:
            self._watchers.setdefault(product, set()).add(watcher)
        return watcher

    def _leave(self, watcher: _Watcher) -> None:
        for product in watcher.products:
            watchers = self._watchers[product]
            watchers.discard(watcher)
            if not watchers:
                del self._watchers[product]
                self._latest.pop(product, None)


def _first(changed: dict[str, None]) -> str:
    product = next(iter(changed))
    del changed[product]
    return product


def _version(stock: Stock) -> bytes:
    return bytes.fromhex(stock.etag[: 2 * _VERSION_BYTES])


def _query(names: Sequence[str]) -> str:
    return f"WatchStock {' '.join(names)}"
