"""Secrets stay secret: canaries in every field of every contract, and none comes out elsewhere."""

import json
import logging
import os
import sys
from io import StringIO

import pytest
import pytest_asyncio

from plait.errors import Code
from plait.gateway.edge.observe import ALLOWED as OF_THE_GATEWAY
from plait.telemetry import logs, providers, setup
from plait.telemetry.attributes import ALLOWED
from plait.telemetry.export import OnceAMinute
from tests.authorization.callers import ANNA, Caller, shown
from tests.authorization.contracts import METHODS, access, http_rule, short
from tests.authorization.planted import (
    CANARIES,
    LONG,
    OTHER,
    RAW,
    RIGHT,
    SECRET,
    SECRETS,
    bodies,
    queries,
)
from tests.authorization.rest import asked
from tests.authorization.shop import open_shop
from tests.telemetry.conftest import Collector

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY = Caller(name="nobody")
ANYBODY = Caller(name="anybody", user=ANNA, roles=("admin", "agent"), workload="orders")
OUTSIDE = [
    name
    for name, method in METHODS.items()
    if http_rule(method) and not (method.client_streaming and method.server_streaming)
]
OF_A_LINE = {"time", "level", "logger", "message", "service", "trace_id", "span_id"}
OF_A_BUG = {"exception", "stack"}


class Telemetry:
    """The telemetry of a process, with all that it says caught where it leaves."""

    def __init__(self, collector, stderr):
        self._collector = collector
        self._stderr = stderr

    def lines(self):
        """Return the lines of log since they were asked for last."""
        text = self._stderr.getvalue()
        self._stderr.seek(0)
        self._stderr.truncate()
        return text.splitlines()

    def sent(self):
        """Deliver all spans and metrics so far, and return them."""
        providers.tracers().force_flush()
        providers.meters().force_flush()
        found, self._collector.requests = self._collector.requests, []
        return found


@pytest.fixture(scope="module")
def telemetry():
    """Telemetry as a process sets it up, at its most talkative."""
    collector, stderr, root = Collector(), StringIO(), logging.getLogger()
    before, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in logs.QUIET}
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("OTEL_")]:
            patch.delenv(name)
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setattr(sys, "stderr", stderr)
        setup.setup("shop", log_level="DEBUG", allowed=OF_THE_GATEWAY)
    yield Telemetry(collector, stderr)
    setup.shutdown()
    collector.close()
    root.handlers[:] = before
    root.setLevel(level)
    for name, least in levels.items():
        logging.getLogger(name).setLevel(least)
    for logger in map(logging.getLogger, logging.root.manager.loggerDict):
        for each in [each for each in logger.filters if isinstance(each, OnceAMinute)]:
            logger.removeFilter(each)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(telemetry, tmp_path_factory):
    async with open_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


@pytest.fixture
def watched(shop, telemetry, capfd, caplog):
    """A shop; afterwards nothing that was planted is found where it must not be."""
    telemetry.lines()
    telemetry.sent()
    capfd.readouterr()
    yield shop
    lines, sent = telemetry.lines(), telemetry.sent()
    said = [record.getMessage() for record in caplog.records]
    everything = [*lines, *said, *map(str, sent), *capfd.readouterr()]
    assert [
        near(canary, text) for text in everything for canary in CANARIES if canary in text
    ] == []
    assert len(lines) > 5
    assert len(sent) >= 2
    assert _names_of(lines) <= ALLOWED | OF_THE_GATEWAY | OF_A_LINE | OF_A_BUG
    assert _attributes_of(sent) <= ALLOWED | OF_THE_GATEWAY | {"service.name"} | _OF_THE_SDK


_OF_THE_SDK = {
    "telemetry.sdk.language",
    "telemetry.sdk.name",
    "telemetry.sdk.version",
    "service.instance.id",
}


def near(canary, text):
    """The canary where it was found, with what stands around it."""
    at = text.find(canary)
    return text[max(at - 200, 0) : at + 100]


def _names_of(lines):
    return {name for line in lines for name in json.loads(line)}


def _attributes_of(requests):
    """All names of attributes, wherever they are in spans and metrics."""
    found, waiting = set(), list(requests)
    while waiting:
        message = waiting.pop()
        for field, value in message.ListFields():
            if field.message_type is None:
                continue
            inner = list(value) if field.is_repeated else [value]
            waiting += inner
            if field.name in {"attributes", "filtered_attributes"}:
                found |= {pair.key for pair in inner}
    return found


def told(outcome):
    """The secrets that an answer to an error repeats."""
    return [canary for canary in SECRETS if canary in outcome.text]


def answering(shop, maker):
    shop.answer = lambda method: maker.make(method.output_type)
    shop.owner = ANNA


async def test_calls_that_succeed_tell_nothing(watched):
    answering(watched, RAW)
    for name, method in METHODS.items():
        request = RIGHT.make(method.input_type)
        found = await watched.by_grpc(method, request, shown(ANYBODY, short(method), watched.keys))
        assert found.code is Code.OK, (name, found.text)
        if name in OUTSIDE:
            found = await watched.by_rest(
                asked(method, request), shown(ANYBODY, short(method), watched.keys)
            )
            assert found.code is Code.OK, (name, found.text)


async def test_calls_of_somebody_who_may_not_tell_nothing(watched):
    answering(watched, RAW)
    watched.owner = OTHER
    refused = 0
    for name, method in METHODS.items():
        request = RIGHT.make(method.input_type)
        public = access(method).WhichOneof("caller") == "public"
        caller = Caller(name="a user", user=ANNA) if not public else NOBODY
        found = [await watched.by_grpc(method, request, shown(caller, "", watched.keys))]
        if name in OUTSIDE:
            found.append(
                await watched.by_rest(asked(method, request), shown(caller, "", watched.keys))
            )
        refused += sum(each.code is not Code.OK for each in found)
        assert [told(each) for each in found if told(each)] == []
    assert refused > 40


@pytest.mark.parametrize("maker", [RAW, LONG], ids=["raw", "long"])
async def test_requests_that_break_rules_tell_no_secret(watched, maker):
    refused, leaks = 0, []
    for name, method in METHODS.items():
        request = maker.make(method.input_type)
        headers = list(shown(ANYBODY, short(method), watched.keys))
        found = [await watched.by_grpc(method, request, headers)]
        if name in OUTSIDE:
            found.append(await watched.by_rest(asked(method, request), headers))
        refused += sum(each.code is Code.INVALID_ARGUMENT for each in found)
        leaks += [f"{name}: {each.text}" for each in found if told(each)]
    assert leaks == []
    assert refused > 50


async def test_messages_that_are_none_tell_nothing(watched):
    for method in METHODS.values():
        data = RIGHT.make(method.input_type).SerializeToString() + b"\xff" + SECRET.encode()
        found = await watched.by_bytes(method, data, shown(ANYBODY, short(method), watched.keys))
        assert (found.code, found.reason) == (Code.INVALID_ARGUMENT, "MALFORMED_MESSAGE")
        assert not any(canary in found.text for canary in CANARIES)


@pytest.mark.parametrize("name", OUTSIDE)
async def test_bodies_that_are_wrong_tell_no_secret(watched, name):
    method, leaks, wrong = METHODS[name], [], []
    for how, request in bodies(method):
        found = await watched.by_rest(request, shown(ANYBODY, short(method), watched.keys))
        if told(found):
            leaks.append(f"{how}: {found.text}")
        if found.status != 400 and not how.startswith("as_text"):  # that is right for a text
            wrong.append(f"{how}: {found.status} {found}")
    for _ in range(12):  # so that there is something to look at where no body can be wrong
        await watched.client.get("/v1/nothing")
    assert leaks == []
    assert wrong == []


@pytest.mark.parametrize("name", OUTSIDE)
async def test_paths_and_queries_that_are_wrong_tell_no_secret(watched, name):
    method, leaks = METHODS[name], []
    for how, request in queries(method):
        found = await watched.by_rest(request, shown(ANYBODY, short(method), watched.keys))
        # A text that stands where nothing is expected belongs to no field: it may be named.
        if told(found) and how not in {"another path", "an unknown parameter"}:
            leaks.append(f"{how}: {found.text}")
    for _ in range(6):
        await watched.client.get(f"/v1/{OTHER}?{SECRET}={SECRET}")
    assert leaks == []


class Bug(Exception):
    """Something that nobody has meant to raise."""


async def test_a_bug_tells_nothing_of_what_it_was_about(watched):
    def raises(method):
        cause = ValueError(f"{SECRET} {OTHER}")
        raise Bug(f"cannot handle {SECRET} of {OTHER}", SECRET) from cause

    watched.answer = raises
    for name, method in METHODS.items():
        request = RIGHT.make(method.input_type)
        headers = list(shown(ANYBODY, short(method), watched.keys))
        found = [await watched.by_grpc(method, request, headers)]
        if name in OUTSIDE:
            found.append(await watched.by_rest(asked(method, request), headers))
        assert {each.code for each in found} == {Code.INTERNAL}
        assert not any(canary in each.text for each in found for canary in CANARIES)
