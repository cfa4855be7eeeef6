import re

import httpx
import pytest
from httpx import ASGITransport

from plait.console.api import Api, FirstSteps
from plait.console.app import pages_app
from plait.console.golden import GoldenSignals
from plait.console.mail.api import MailApi
from plait.console.mail.mailbox import Mailbox
from plait.console.pages import load
from plait.console.store import TraceStore

ADDRESSES = ["/", "/services", "/traces/abc", "/mail", "/mail/abc"]


@pytest.fixture
async def client(clock):
    apis = [Api(TraceStore(), GoldenSignals(), clock, FirstSteps()), MailApi(Mailbox(clock), "")]
    app = pages_app(apis, [])
    async with httpx.AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as made:
        yield made


@pytest.mark.parametrize("address", ADDRESSES)
async def test_each_page_is_html_with_a_title(client, address):
    answer = await client.get(address)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert re.search(r"<title>\w+ · plait console</title>", answer.text)
    assert '<html lang="en">' in answer.text


@pytest.mark.parametrize("address", ADDRESSES)
async def test_all_that_a_page_loads_is_served_by_the_console(client, address):
    todo, seen = [address], set()
    while todo:
        answer = await client.get(todo.pop())
        assert answer.status_code == 200
        found = set(
            re.findall(r"""(?:src|href)="(/static/[^"]+)"|from "(/static/[^"]+)\"""", answer.text)
        )
        todo += sorted({one or other for one, other in found} - seen)
        seen |= {one or other for one, other in found}

    assert len(seen) >= 4


@pytest.mark.parametrize("name", sorted(load()))
def test_no_file_names_an_address_outside_of_the_console(name):
    text = load()[name].body.decode()

    outside = set(re.findall(r"https?://[^\s\"'`<>]+", text)) - {"http://www.w3.org/2000/svg"}

    assert outside == set()


@pytest.mark.parametrize(
    "name", [name for name in sorted(load()) if name.endswith((".html", ".js"))]
)
def test_no_file_needs_what_the_policy_forbids(name):
    text = load()[name].body.decode()

    assert "innerHTML" not in text
    assert not re.search(r"\bstyle=|\son\w+=\"|<script>|eval\(|document\.write", text)


@pytest.mark.parametrize(
    "address", [*ADDRESSES, "/api/traces", "/api/mail", "/static/console.css", "/nothing"]
)
async def test_every_answer_tells_the_browser_to_run_nothing_else(client, address):
    headers = (await client.get(address)).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


async def test_a_refusal_for_a_foreign_host_has_the_policy_too(client):
    answer = await client.get("/", headers={"host": "evil.example"})

    assert answer.status_code == 421
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_a_file_that_did_not_change_is_not_sent_again(client):
    first = await client.get("/static/console.css")

    again = await client.get(
        "/static/console.css", headers={"if-none-match": first.headers["etag"]}
    )

    assert first.headers["content-type"] == "text/css; charset=utf-8"
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fapi.py", "%2e%2e/api.py", "../main.py"])
async def test_nothing_but_the_files_is_served(client, name):
    answer = await client.get(f"/static/{name}")

    assert answer.status_code == 404
