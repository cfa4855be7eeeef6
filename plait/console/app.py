"""The console's two applications: the pages with their API, and the OTLP receiver."""

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from plait.clock import Clock
from plait.console.api import Api, FirstSteps, refusal
from plait.console.golden import GoldenSignals
from plait.console.hosts import HostCheck
from plait.console.otlp import Receiver
from plait.console.pages import Pages, SecurityHeaders, load
from plait.console.query import BadQuery
from plait.console.store import TraceStore
from plait.gateway.edge.asgi import App


def pages_app(
    store: TraceStore,
    signals: GoldenSignals,
    clock: Clock,
    hosts: Iterable[str],
    first_steps: FirstSteps,
) -> App:
    """Return the pages and the JSON API, for who asks by one of these host names."""
    api = Api(store, signals, clock, first_steps)
    app = Starlette(
        routes=[*Pages(load()).routes(), *api.routes()],
        exception_handlers={HTTPException: refusal, BadQuery: refusal},
    )
    return SecurityHeaders(HostCheck(app, hosts))


def receiver_app(
    store: TraceStore, signals: GoldenSignals, clock: Clock, hosts: Iterable[str]
) -> App:
    """Return the OTLP/HTTP receiver, for who sends to one of these host names."""
    return HostCheck(Receiver(store, signals, clock).app(), hosts)
