"""What the tests of the console's pages share: a console that runs, a Chromium that looks at it."""

import asyncio
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from plait.console.main import run
from plait.console.settings import ConsoleSettings

playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
expect = playwright.expect

CHROMIUM = shutil.which("chromium") or ""
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MARKS = [
    pytest.mark.asyncio(loop_scope="module"),  # one browser for all
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="there is no chromium on the PATH"),
]

CONTRAST = """(selector) => {
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const luminance = (colors) => {
    for (const color of colors) {
      brush.fillStyle = color;
      brush.fillRect(0, 0, 1, 1);
    }
    const [r, g, b] = [...brush.getImageData(0, 0, 1, 1).data].map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const layers = (one) =>
    one ? [...layers(one.parentElement), getComputedStyle(one).backgroundColor] : ["white"];
  return [...document.querySelectorAll(selector)].filter((one) => one.offsetParent).map((one) => {
    const behind = layers(one);
    const text = luminance([...behind, getComputedStyle(one).color]);
    const [high, low] = [text, luminance(behind)].sort((a, b) => b - a);
    return [(high + 0.05) / (low + 0.05), one.className || one.tagName];
  });
}"""


@dataclass(kw_only=True)
class Console:
    """A console on free ports; `smtp` is where its mailbox takes mail."""

    pages: str
    smtp: str
    otlp: str
    client: httpx.AsyncClient
    stop: asyncio.Event

    async def send(self, request) -> None:
        kind = "traces" if isinstance(request, ExportTraceServiceRequest) else "metrics"
        headers = {"content-type": "application/x-protobuf"}
        address = f"{self.otlp}/v1/{kind}"
        answer = await self.client.post(
            address, content=request.SerializeToString(), headers=headers
        )
        assert (answer.status_code, answer.content) == (200, b"")


@pytest_asyncio.fixture(loop_scope="module")
async def console():
    settings = ConsoleSettings(
        port=0, otlp_port=0, smtp_port=0, console_example="curl http://example/v1"
    )
    ready, stop = asyncio.get_running_loop().create_future(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks, httpx.AsyncClient() as client:
        tasks.create_task(run(settings, stop, ready.set_result))
        where = await ready
        try:
            yield Console(
                pages=where.pages, smtp=where.smtp, otlp=where.otlp, client=client, stop=stop
            )
        finally:
            stop.set()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    async with playwright.async_playwright() as started:
        running = await started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield running
        finally:
            await running.close()


@pytest.fixture
def opened(browser, console):
    """Open a page; it must ask nobody but the console, and have no fault."""

    @asynccontextmanager
    async def open_page(path: str = "/", *, width: int = 1280, scheme: str = "light"):
        viewport = {"width": width, "height": 860}
        context = await browser.new_context(viewport=viewport, color_scheme=scheme)
        page = await context.new_page()
        page.set_default_timeout(10_000)
        faults: list[str] = []
        asked: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(f"dialog {dialog.message}"))
        page.on("console", lambda said: faults.append(said.text) if "Policy" in said.text else None)
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(console.pages + path)
        yield page
        await context.close()
        assert faults == []
        assert [url for url in asked if not url.startswith(console.pages)] == []

    return open_page
