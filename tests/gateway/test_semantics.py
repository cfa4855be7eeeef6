"""docs/gateway-semantics.md tells the truth: each example is sent to a running gateway."""

import asyncio
import re
from pathlib import Path

import pytest

from plait.errors import Code, Error, Unavailable
from plait.gateway.contracts import ContractError, load
from plait.gateway.errors import http_status_of
from plait.gateway.status import HTTP
from tests.documents.blocks import matches
from tests.documents.exchanges import exchanges
from tests.gateway.live import live

PAGE = (Path(__file__).parents[2] / "docs" / "gateway-semantics.md").read_text(encoding="utf-8")
EXCHANGES = exchanges(PAGE)
REFUSED = re.compile(r"^```proto\n(.*?)^```\n\n```text\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| ([A-Z_, ]+) \| (\d{3}) \|", re.MULTILINE)


@pytest.fixture
async def shop(library, message_class, tmp_path):
    """A library in which a search for everything never ends, and shelf s9 falls over."""
    async with live(library, message_class, tmp_path) as running:
        search, watch = (running.backend.acts[name] for name in ("SearchBooks", "WatchBooks"))

        async def search_long(request, asked):
            if request.query == "everything":
                await asyncio.Event().wait()
            return await search(request, asked)

        async def fall_over(request, asked):
            async for message in watch(request, asked):
                yield message
                if request.parent == "shelves/s9":
                    raise Unavailable("the shelf fell over")

        running.on("SearchBooks", search_long)
        running.on("WatchBooks", fall_over)
        yield running


def unbroken(text: str, content_type: str) -> str:
    """A body as one can compare it: JSON is shown with line breaks that it does not have."""
    if content_type == "text/event-stream" or "ndjson" in content_type:
        return text.strip()
    return "".join(text.splitlines())


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
async def test_an_example_is_answered_as_the_page_shows(shop, exchange):
    librarian = shop.token("librarian")["authorization"].removeprefix("Bearer ")

    answer = await shop.client.request(
        exchange.verb,
        exchange.path,
        headers={
            name: value.replace("$LIBRARIAN", librarian)
            for name, value in exchange.request.headers.items()
        },
        content=exchange.request.body,
    )

    assert answer.status_code == exchange.status, answer.text
    for name, shown in exchange.answer.headers.items():
        assert matches(shown, answer.headers.get(name, "")), (name, dict(answer.headers))
    content_type = answer.headers.get("content-type", "")
    shown, said = (unbroken(text, content_type) for text in (exchange.answer.body, answer.text))
    assert matches(shown, said), said


@pytest.mark.parametrize(("contract_text", "problem"), REFUSED.findall(PAGE))
def test_a_contract_that_the_page_calls_a_mistake_is_refused(contract, contract_text, problem):
    service = re.search(r"service (\w+)", contract_text)
    assert service

    with pytest.raises(ContractError) as refused:
        load(contract(contract_text), [f"wrong.v1.{service[1]}"])

    (found,) = refused.value.problems
    assert matches(problem, found), found


def test_the_page_has_an_example_for_each_of_its_rules():
    sections = [section for section in PAGE.split("\n## ")[1:] if "```http" not in section]

    assert sections == []
    assert len(EXCHANGES) > 25
    assert len(REFUSED.findall(PAGE)) == 2


def rows() -> dict[str, int]:
    return {name: int(http) for names, http in ROW.findall(PAGE) for name in names.split(", ")}


def test_the_page_has_the_http_status_of_each_grpc_status():
    shown = {name: http for name, http in rows().items() if name in Code.__members__}

    assert shown == {Code(code).name: http for code, http in HTTP.items() if code != Code.OK}


def kinds(base: type[Error]) -> list[type[Error]]:
    return [kind for below in base.__subclasses__() for kind in (below, *kinds(below))]


def test_the_page_has_each_reason_of_the_gateways_own():
    shown = {name: http for name, http in rows().items() if name not in Code.__members__}
    own = {
        re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).upper(): http_status_of(kind)
        or HTTP[kind.code]
        for kind in kinds(Error)
        if kind.__module__.startswith("plait.gateway.") and not kind.__name__.startswith("_")
    }

    assert shown == own
