"""The console's two applications: the pages with their API, and the OTLP receiver."""

from collections.abc import Iterable
from typing import Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from plait.clock import Clock
from plait.console.api import refusal
from plait.console.golden import GoldenSignals
from plait.console.hosts import HostCheck
from plait.console.otlp import Receiver
from plait.console.pages import Pages, SecurityHeaders, load
from plait.console.query import BadQuery
from plait.console.store import TraceStore
from plait.gateway.edge.asgi import App


class HasRoutes(Protocol):
    """A part of the JSON API."""

    def routes(self) -> list[Route]:
        """Return what it answers."""
        ...


def pages_app(apis: Iterable[HasRoutes], hosts: Iterable[str]) -> App:
    """Return the pages and the JSON API, for who asks by one of these host names."""
    app = Starlette(
        routes=[*Pages(load()).routes(), *(route for api in apis for route in api.routes())],
        exception_handlers={HTTPException: refusal, BadQuery: refusal},
    )
    return SecurityHeaders(HostCheck(app, hosts))


def receiver_app(
    store: TraceStore, signals: GoldenSignals, clock: Clock, hosts: Iterable[str]
) -> App:
    """Return the OTLP/HTTP receiver, for who sends to one of these host names."""
    return HostCheck(Receiver(store, signals, clock).app(), hosts)
