"""A loop whose time a test moves, and a transport that writes down what is done to it."""

import heapq
from dataclasses import dataclass, field
from typing import Any


@dataclass(order=True)
class Timer:
    when: float
    number: int
    act: Any = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self):
        self.cancelled = True


class ManualLoop:
    """What a `Link` asks of a loop; nothing happens but by `advance`."""

    def __init__(self):
        self.now = 1000.0
        self.timers = []
        self.count = 0

    def time(self):
        return self.now

    def call_soon(self, act, *arguments):
        return self.call_later(0, act, *arguments)

    def call_later(self, seconds, act, *arguments):
        self.count += 1
        timer = Timer(self.now + seconds, self.count, lambda: act(*arguments))
        heapq.heappush(self.timers, timer)
        return timer

    def advance(self, seconds=0.0):
        """Let time pass, and what is due then happen."""
        until = self.now + seconds
        while self.timers and self.timers[0].when <= until:
            timer = heapq.heappop(self.timers)
            self.now = max(self.now, timer.when)
            if not timer.cancelled:
                timer.act()
        self.now = until

    def idle(self):
        """Whether nothing is to happen any more."""
        return all(timer.cancelled for timer in self.timers)


class FakeTransport:
    """Keeps what is written; `extra` is what it knows of its socket."""

    def __init__(self, link, **extra):
        self.link = link
        self.extra = {"peername": ("127.0.0.1", 5000), **extra}
        self.written = []
        self.unsent = 0
        self.closing = self.aborted = self.ended = False

    def get_extra_info(self, name):
        return self.extra.get(name)

    def get_write_buffer_size(self):
        return self.unsent

    def write(self, data):
        self.written.append(data)

    def can_write_eof(self):
        return "ssl_object" not in self.extra

    def write_eof(self):
        self.ended = True

    def is_closing(self):
        return self.closing

    def close(self):
        self.closing = True

    def abort(self):
        self.closing = self.aborted = True

    def lose(self):
        """Be closed, as the loop tells it."""
        self.link.connection_lost(None)
