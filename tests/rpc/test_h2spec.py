"""h2spec, the judge of HTTP/2 servers, against ours."""

import asyncio
import shutil
from xml.etree import ElementTree as ET

import pytest

from plait.rpc.framing import framed
from tests.rpc.h2_server import plain_http
from tests.rpc.peer import PATIENCE, peer

# What we do otherwise than h2spec, which tests RFC 7540, because RFC 9113 asks for it: nothing so
# far. An entry is the section and the text of h2spec's case, with the section of RFC 9113.
ACCEPTED: dict[str, str] = {}

TOOL = shutil.which("h2spec")


@pytest.mark.foreign
@pytest.mark.skipif(TOOL is None, reason="h2spec is not on the PATH: go install it")
async def test_h2spec_finds_nothing_that_we_have_not_accepted(tmp_path):
    report = tmp_path / "report.xml"
    async with plain_http() as port, asyncio.timeout(300):
        judge = await asyncio.create_subprocess_exec(
            *(TOOL, "-h", "127.0.0.1", "-p", str(port), "-S", "-o", "5", "-j", str(report)),
            *("generic", "http2", "hpack"),
            stdout=asyncio.subprocess.DEVNULL,
        )
        await judge.wait()
    cases = list(ET.parse(report).iter("testcase"))
    wrong = {
        f"{case.get('package')}: {case.get('classname')}"
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    }

    assert len(cases) >= 146
    assert wrong == set(ACCEPTED)


async def test_the_responder_reads_the_body_and_answers_with_one():
    async with plain_http() as port, peer(f"127.0.0.1:{port}") as one:
        answer = await one.answer(one.call(b"hello"))
        head = await one.answer(one.head("/", (":method", "HEAD"), end=True))
        get = await one.answer(one.head("/", (":method", "GET"), end=True))

    assert answer.data == b"the body was: " + framed(b"hello")
    assert (head.head["content-length"], head.data) == ("14", b"")
    assert get.data == b"the body was: "


async def test_another_client_of_http2_is_served():
    tool = shutil.which("curl")
    if tool is None:
        pytest.skip("curl is not on the PATH")
    async with plain_http() as port, asyncio.timeout(PATIENCE):
        curl = await asyncio.create_subprocess_exec(
            *(tool, "-s", "--http2-prior-knowledge", "-d", "hello", f"http://127.0.0.1:{port}/"),
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await curl.communicate()

    assert said == b"the body was: hello"
