"""Golden signals (rate, errors, latency) of every method, from call duration histograms; pure."""

import math
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

Side = Literal["server", "client"]
Bucket = tuple[float, float]  # seconds: above the first, up to and with the second

_MAX_BUCKETS = 256  # a histogram with more is no call duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One data point of a histogram of call durations.

    `series` names the stream of points that it belongs to. `start` and `time` are nanoseconds
    since 1970; `bounds` are the upper bounds of all `buckets` but the last, in seconds.
    """

    service: str
    side: Side
    method: str
    series: str
    error: bool
    cumulative: bool
    start: int
    time: int
    bounds: tuple[float, ...]
    buckets: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What a method did in the window: calls per second, failures, and seconds that calls took.

    `p50` and `p99` are None where no call ended.
    """

    service: str
    side: Side
    method: str
    calls: int
    failures: int
    rate: float
    p50: float | None
    p99: float | None


@dataclass(slots=True)
class _Slot:
    begins: float
    calls: int = 0
    failures: int = 0
    buckets: Counter[Bucket] = field(default_factory=Counter[Bucket])


@dataclass(slots=True)
class _Method:
    since: float
    seen: float
    slots: deque[_Slot] = field(default_factory=deque[_Slot])


class GoldenSignals:
    """Keeps the last minutes of every method, for a bounded number of methods and series.

    Beyond the bounds the one that was silent longest is forgotten. All times that come in as
    `now` are seconds since 1970.
    """

    def __init__(
        self, *, window: float = 300, slot: float = 10, methods: int = 1000, series: int = 4096
    ) -> None:
        self.window = window
        self._slot = slot
        self._max_methods = methods
        self._max_series = series
        self._last: OrderedDict[str, Point] = OrderedDict()
        self._methods: OrderedDict[tuple[str, Side, str], _Method] = OrderedDict()

    def __len__(self) -> int:
        return len(self._methods)

    def record(self, points: Iterable[Point], now: float) -> None:
        """Take in what was measured since the point before, of each series."""
        for point in points:
            if len(point.buckets) <= _MAX_BUCKETS:
                self._record(point, now)

    def read(self, now: float) -> list[Signals]:
        """Return the signals of every method that reported within the window, by name."""
        found = [
            self._signals(*key, method, now)
            for key, method in self._methods.items()
            if now - method.seen <= self.window
        ]
        return sorted(found, key=lambda one: (one.service, one.side, one.method))

    def _record(self, point: Point, now: float) -> None:
        before = self._last.get(point.series)
        if before is not None and point.time <= before.time:
            return  # sent twice, or overtaken
        self._last[point.series] = point
        self._last.move_to_end(point.series)
        if len(self._last) > self._max_series:
            self._last.popitem(last=False)
        self._count(point, self._increase(point, before, now), now)

    def _increase(self, point: Point, before: Point | None, now: float) -> tuple[int, ...]:
        """Return what the buckets gained; a sum over a past that nobody saw counts as nothing."""
        if not point.cumulative:
            return point.buckets
        if before is None:
            young = now - point.start / 1e9 <= self.window
            return point.buckets if young else (0,) * len(point.buckets)
        if point.start == before.start and point.bounds == before.bounds:
            gained = tuple(
                new - old for new, old in zip(point.buckets, before.buckets, strict=True)
            )
            if min(gained) >= 0:
                return gained
        return point.buckets  # the process began to count anew

    def _count(self, point: Point, gained: tuple[int, ...], now: float) -> None:
        method = self._method(point, now)
        slot = self._current(method, now)
        calls = sum(gained)
        slot.calls += calls
        slot.failures += calls if point.error else 0
        edges = (0.0, *point.bounds, math.inf)
        for lower, upper, count in zip(edges, edges[1:], gained, strict=False):
            known = (lower, upper) in slot.buckets
            if count and (known or len(slot.buckets) < _MAX_BUCKETS):
                slot.buckets[lower, upper] += count

    def _method(self, point: Point, now: float) -> _Method:
        key = (point.service, point.side, point.method)
        method = self._methods.get(key)
        if method is None:
            since = min(now, max(point.start / 1e9, now - self.window))
            method = self._methods[key] = _Method(since=since, seen=now)
        method.seen = now
        self._methods.move_to_end(key)
        if len(self._methods) > self._max_methods:
            self._methods.popitem(last=False)
        return method

    def _current(self, method: _Method, now: float) -> _Slot:
        begins = now - now % self._slot
        if not method.slots or method.slots[-1].begins < begins:
            method.slots.append(_Slot(begins=begins))
        while method.slots[0].begins < now - self.window - self._slot:
            method.slots.popleft()
        return method.slots[-1]

    def _signals(self, service: str, side: Side, name: str, method: _Method, now: float) -> Signals:
        slots = list(self._recent(method, now))
        calls = sum(slot.calls for slot in slots)
        buckets: Counter[Bucket] = sum((slot.buckets for slot in slots), Counter[Bucket]())
        observed = min(self.window, max(now - method.since, self._slot))
        return Signals(
            service=service,
            side=side,
            method=name,
            calls=calls,
            failures=sum(slot.failures for slot in slots),
            rate=calls / observed,
            p50=quantile(buckets, 0.5),
            p99=quantile(buckets, 0.99),
        )

    def _recent(self, method: _Method, now: float) -> Iterator[_Slot]:
        return (slot for slot in method.slots if slot.begins > now - self.window - self._slot)


def quantile(buckets: Counter[Bucket], share: float) -> float | None:
    """Return the seconds that this share of calls stayed below; None if there were none.

    Within a bucket calls are taken as evenly spread; in the last, open one its lower bound is all
    that is known (as Prometheus' histogram_quantile does).
    """
    rank = share * buckets.total()
    if not rank:
        return None
    for (lower, upper), count in sorted(buckets.items()):
        if rank <= count:
            return lower if math.isinf(upper) else lower + (upper - lower) * rank / count
        rank -= count
    raise AssertionError("the rank is at most the total")
