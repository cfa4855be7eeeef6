"""The console's pages in a real Chromium, fed by real exports over HTTP."""

import re
import time

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Histogram, HistogramDataPoint, Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.browser.pages import CONTRAST, MARKS, browser, console, expect, opened

__all__ = ["browser", "console", "opened"]  # fixtures

pytestmark = MARKS
MILLISECOND = 1_000_000
GET = "shop.catalog.v1.CatalogService/GetProduct"
QUERY = "SELECT name FROM products WHERE id = ?"


def pairs(values: dict[str, str]) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in values.items()]


class Trace:
    """Spans of one trace that began `ago` seconds ago; times in milliseconds."""

    def __init__(self, number: int = 1, ago: float = 5) -> None:
        self.id = number.to_bytes(16)
        self.began = time.time_ns() - int(ago * 1e9)
        self.request = ExportTraceServiceRequest()

    def add(
        self, service, name, start, end, parent=0, *, kind=Span.SPAN_KIND_INTERNAL, error="", **more
    ):
        number = len(self.request.resource_spans) + 1
        group = self.request.resource_spans.add()
        group.resource.attributes.extend(pairs({"service.name": service}))
        span = group.scope_spans.add().spans.add(
            trace_id=self.id,
            span_id=number.to_bytes(8),
            parent_span_id=parent.to_bytes(8) if parent else b"",
            name=name,
            kind=kind,
            start_time_unix_nano=self.began + int(start * MILLISECOND),
            end_time_unix_nano=self.began + int(end * MILLISECOND),
            attributes=pairs({key.replace("__", "."): value for key, value in more.items()}),
        )
        if error:
            span.status.code, span.status.message = Status.STATUS_CODE_ERROR, error
        return number

    @property
    def path(self) -> str:
        return f"/traces/{self.id.hex()}"


def get_product(number: int = 1, *, failed: bool = False, ago: float = 5) -> Trace:
    trace = Trace(number, ago)
    http, rpc = ("404", "NOT_FOUND") if failed else ("200", "OK")
    said = "no product p1" if failed else ""
    root = trace.add(
        "gateway", "GET /v1/products/{product}", 0, 100, http__response__status_code=http
    )
    client = trace.add("gateway", GET, 10, 90, root, error=said, rpc__response__status_code=rpc)
    server = trace.add("catalog", GET, 20, 80, client, rpc__response__status_code=rpc)
    database = {"db__system__name": "sqlite", "db__query__text": QUERY}
    trace.add("catalog", "SELECT products", 30, 60, server, **database)
    return trace


async def test_an_empty_console_says_what_to_do_and_shows_the_first_trace_by_itself(
    opened, console
):
    async with opened() as page:
        await expect(page.get_by_role("heading", name="No traces yet")).to_be_visible()
        await expect(page.locator("#empty")).to_contain_text("curl http://example/v1")
        await expect(page.locator("#empty")).to_contain_text(console.otlp)

        await console.send(get_product().request)

        row = page.locator("#rows tr")
        await expect(row).to_contain_text("GET /v1/products/{product}")
        await expect(page.locator("#empty")).to_be_hidden()
        await expect(row).to_contain_text(
            "gateway\N{MULTIPLICATION SIGN}2catalog\N{MULTIPLICATION SIGN}2"
        )
        await expect(row).to_contain_text("100 ms")
        await expect(row.locator(".badge")).to_have_text("200")


async def test_a_trace_opens_as_a_waterfall_with_every_bar_at_its_time(opened, console):
    await console.send(get_product().request)

    async with opened() as page:
        await page.get_by_role("link", name="GET /v1/products/{product}").first.click()

        await expect(page).to_have_title("GET /v1/products/{product} · 100 ms · plait console")
        rows = page.get_by_role("treegrid").locator(".span")
        await expect(rows).to_have_count(4)
        assert [await rows.nth(n).get_attribute("aria-level") for n in range(4)] == [
            "1",
            "2",
            "3",
            "4",
        ]
        await expect(rows.nth(2)).to_contain_text("catalogCatalogService/GetProduct")
        await expect(rows.nth(3)).to_contain_text("sqlite")
        await expect(rows.nth(3)).to_contain_text("30.0 ms")
        lane = await rows.nth(0).locator(".lane").bounding_box()
        for number, (start, end) in enumerate([(0, 1), (0.1, 0.9), (0.2, 0.8), (0.3, 0.6)]):
            bar = await rows.nth(number).locator(".piece").bounding_box()
            assert (bar["x"] - lane["x"]) / lane["width"] == pytest.approx(start, abs=0.01)
            assert bar["width"] / lane["width"] == pytest.approx(end - start, abs=0.01)


async def test_a_search_narrows_the_list_and_is_kept_in_the_address(opened, console):
    await console.send(get_product(1).request)
    await console.send(get_product(2, failed=True).request)
    slow = Trace(3)
    slow.add("orders", "Checkout", 0, 900)
    await console.send(slow.request)

    async with opened() as page:
        rows = page.locator("#rows tr")
        await expect(rows).to_have_count(3)

        await page.get_by_label("Status").select_option("error")
        await expect(rows).to_have_count(1)
        await expect(rows).to_contain_text("1 error")
        await page.get_by_label("Status").select_option("")

        await page.get_by_label("At least").fill("500ms")
        await expect(rows).to_have_count(1)
        await expect(rows).to_contain_text("Checkout")
        assert page.url.endswith("?min_duration=500ms")
        await page.reload()
        await expect(rows).to_have_count(1)
        await page.get_by_label("At least").fill("500")
        await expect(page.get_by_role("alert")).to_contain_text("with its unit")

        await page.get_by_label("At least").fill("")
        await expect(page.get_by_role("alert")).to_be_hidden()
        await page.get_by_label("Service").select_option("catalog")
        await expect(rows).to_have_count(2)
        await page.get_by_label("Operation").fill("SELECT nothing")
        await expect(page.get_by_role("heading", name="No trace matches")).to_be_visible()

        await page.get_by_role("button", name="Show all").click()
        await expect(rows).to_have_count(3)
        assert page.url == console.pages + "/"


async def test_a_trace_is_found_by_a_pasted_traceparent(opened, console):
    trace = get_product(0xABC)
    await console.send(trace.request)

    async with opened() as page:
        await page.get_by_label("Trace id").fill(f"00-{trace.id.hex()}-{1:016x}-01")
        await page.keyboard.press("Enter")

        await expect(page.locator(".span")).to_have_count(4)
        assert page.url == console.pages + trace.path


async def test_paused_the_list_stands_still(opened, console):
    await console.send(get_product(1).request)

    async with opened() as page:
        await page.clock.install()
        await page.reload()
        await expect(page.locator("#rows tr")).to_have_count(1)
        live = page.get_by_role("button", name="Live")
        await live.click()
        await expect(live).to_have_attribute("aria-pressed", "false")
        await console.send(get_product(2).request)
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        await page.clock.fast_forward(5000)  # five looks would have been due
        assert [url for url in asked if "/api/traces" in url] == []
        await expect(page.locator("#rows tr")).to_have_count(1)

        await live.click()

        await expect(page.locator("#rows tr")).to_have_count(2)


async def test_a_click_on_a_span_opens_all_that_is_known_about_it(opened, console):
    trace = get_product(failed=True)
    span = trace.request.resource_spans[3].scope_spans[0].spans[0]
    broken = {"exception.type": "OperationalError", "exception.stacktrace": "line 1\nline 2"}
    span.events.add(
        name="exception", time_unix_nano=trace.began + 45 * MILLISECOND, attributes=pairs(broken)
    )
    span.links.add(trace_id=b"l" * 16, span_id=b"m" * 8)
    await console.send(trace.request)

    async with opened(trace.path) as page:
        await page.locator(".span").nth(3).click()

        details = page.get_by_role("complementary", name="Details of the span")
        await expect(details.get_by_role("heading", name="SELECT products")).to_be_visible()
        await expect(details.locator("pre").first).to_have_text(QUERY)
        await expect(details).to_contain_text("exception after 15.0 ms")
        await expect(details.locator("pre").nth(1)).to_have_text("line 1\nline 2")
        await expect(details.get_by_role("link")).to_have_attribute(
            "href", f"/traces/{(b'l' * 16).hex()}#{(b'm' * 8).hex()}"
        )
        await expect(details).to_contain_text("Began after30.0 ms")
        assert page.url.endswith(f"#{4:016x}")

        await page.reload()
        await expect(details.get_by_role("heading", name="SELECT products")).to_be_visible()

        await page.locator(".span").nth(1).click()
        await expect(details).to_contain_text("no product p1")

        await details.get_by_role("button", name="Close the details").click()
        await expect(details).to_be_hidden()


async def test_everything_is_reached_by_keyboard(opened, console):
    trace = get_product(failed=True)
    await console.send(trace.request)

    async with opened() as page:
        link = page.locator("#rows a")
        await expect(link).to_be_visible()
        for _ in range(20):
            await page.keyboard.press("Tab")
            if await link.evaluate("one => one === document.activeElement"):
                break
        await page.keyboard.press("Enter")
        rows = page.locator(".span")
        await expect(rows).to_have_count(4)
        await page.locator('.span[tabindex="0"]').focus()

        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("ArrowDown")
        await expect(rows.nth(2)).to_be_focused()
        await page.keyboard.press("ArrowLeft")
        await expect(rows.nth(2)).to_have_attribute("aria-expanded", "false")
        await expect(rows.nth(3)).to_be_hidden()
        await page.keyboard.press("ArrowRight")
        await expect(rows.nth(3)).to_be_visible()
        await page.keyboard.press("ArrowRight")
        await expect(rows.nth(3)).to_be_focused()
        await page.keyboard.press("Home")
        await page.keyboard.press("e")
        await expect(rows.nth(1)).to_be_focused()
        await expect(page.locator("#details")).to_contain_text("no product p1")
        await page.keyboard.press("Escape")
        await expect(page.locator("#details")).to_be_hidden()
        await page.keyboard.press("/")
        await page.keyboard.type("select products")
        await expect(page.locator("#found")).to_have_text("1 of 1")
        await expect(page.locator(".span.hit")).to_have_count(1)
        await page.keyboard.press("Escape")
        await expect(page.locator(".span.hit")).to_have_count(0)
        await page.keyboard.press("End")
        await expect(rows.nth(3)).to_be_focused()


async def test_a_zoom_shows_a_part_of_the_time_and_back(opened, console):
    trace = get_product()
    await console.send(trace.request)

    async with opened(trace.path) as page:
        row = page.locator(".span").nth(3)
        await row.focus()

        await page.keyboard.press("z")

        lane, bar = (
            await row.locator(".lane").bounding_box(),
            await row.locator(".piece").bounding_box(),
        )
        assert bar["width"] == pytest.approx(lane["width"], rel=0.02)
        await expect(page.locator(".ticks span").first).to_have_text("30.0 ms")
        await page.get_by_role("button", name="Whole trace").click()
        await expect(page.locator(".ticks span").last).to_have_text("100 ms")

        box = await page.locator("#minimap").bounding_box()
        await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"], box["y"] + 20)
        await page.mouse.up()
        await expect(page.locator(".ticks span").first).to_have_text(re.compile(r"^(49|50)\.\d ms"))


async def test_all_folds_to_the_top_and_back(opened, console):
    trace = get_product()
    await console.send(trace.request)

    async with opened(trace.path) as page:
        await page.get_by_role("button", name="Fold all").click()
        await expect(page.locator(".span:visible")).to_have_count(2)
        await page.get_by_role("button", name="Unfold all").click()
        await expect(page.locator(".span:visible")).to_have_count(4)


HOSTILE = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"


@pytest.mark.parametrize("path", ["/", "/services", "/traces/"])
async def test_what_a_sender_writes_is_text_and_nothing_else(opened, console, path):
    trace = Trace()
    trace.add(
        HOSTILE,
        HOSTILE,
        0,
        10,
        error=HOSTILE,
        **{HOSTILE: HOSTILE, "http__response__status_code": HOSTILE},
    )
    span = trace.request.resource_spans[0].scope_spans[0].spans[0]
    span.events.add(name=HOSTILE, attributes=pairs({HOSTILE: HOSTILE}))
    await console.send(trace.request)

    async with opened(trace.path + f"#{1:016x}" if path == "/traces/" else path) as page:
        await expect(page.locator("td.request, .card, .span").first).to_contain_text(HOSTILE)
        if path == "/traces/":
            await expect(page.locator("#details .event")).to_contain_text(HOSTILE)

        assert await page.locator('img[src="x"]').count() == 0
        assert await page.locator("script:not([src])").count() == 0
        assert "hacked" not in (await page.title()).split(" · ")[-1]
        assert await page.evaluate("document.documentElement.scrollWidth") == 1280


async def test_a_trace_that_is_not_here_says_so_and_appears_when_it_comes(opened, console):
    trace = get_product(7)

    async with opened(trace.path) as page:
        await expect(page.get_by_role("heading", name="This trace is not here")).to_be_visible()

        await console.send(trace.request)

        await expect(page.locator(".span")).to_have_count(4)


async def test_a_trace_grows_on_the_page_and_what_was_chosen_stays(opened, console):
    whole = get_product()
    root = whole.request.resource_spans[0].SerializeToString()
    del whole.request.resource_spans[0]
    await console.send(whole.request)

    async with opened(whole.path) as page:
        await expect(page.locator(".note").first).to_contain_text(
            "first span of this trace has not arrived"
        )
        await expect(page.locator(".span.missing")).to_have_count(1)
        await page.locator(".span").nth(3).click()

        late = ExportTraceServiceRequest()
        late.resource_spans.add().ParseFromString(root)
        await console.send(late)

        await expect(page.locator(".span.missing")).to_have_count(0)
        await expect(page.get_by_role("heading", name="GET /v1/products/{product}")).to_be_visible()
        await expect(page.locator("#details h2")).to_have_text("SELECT products")
        await expect(page.locator('.span[aria-selected="true"]')).to_contain_text("SELECT products")


async def test_the_services_show_their_golden_signals(opened, console):
    now = time.time_ns()
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.extend(pairs({"service.name": "catalog"}))
    for error, counts in (("", [0, 98, 0]), ("INTERNAL", [0, 2, 0])):
        told = pairs({"rpc.method": GET} | ({"error.type": error} if error else {}))
        data = HistogramDataPoint(
            attributes=told,
            start_time_unix_nano=now - 50 * 10**9,
            time_unix_nano=now,
            bucket_counts=counts,
            explicit_bounds=[0.01, 0.03],
        )
        histogram = Histogram(data_points=[data], aggregation_temporality=2)
        metric = Metric(name="rpc.server.call.duration", unit="s", histogram=histogram)
        group.scope_metrics.add().metrics.append(metric)
    await console.send(request)

    async with opened("/services") as page:
        row = page.locator("tbody tr")
        await expect(row).to_contain_text("CatalogService/GetProduct")
        await expect(row).to_contain_text(re.compile(r"(1\.9\d|2\.0\d) /s"))
        await expect(row.locator(".bad")).to_have_text("2.00 %")
        await expect(row).to_contain_text("20.0 ms")

        await page.get_by_role("link", name="Errors").click()

        await expect(page.get_by_label("Service")).to_have_value("catalog")
        await expect(page.get_by_label("Status")).to_have_value("error")


async def test_a_console_that_stopped_is_said_to_be_gone(opened, console):
    async with opened() as page:
        await expect(page.get_by_role("heading", name="No traces yet")).to_be_visible()

        console.stop.set()

        await expect(page.locator("#offline")).to_contain_text("does not answer")


LOOKED_AT = (
    "h1, dt, dd, a, th, .dim, .badge, .chip, .what, .who, .tag, .note, .after, .failures, .number"
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_is_readable_in_light_and_in_dark(opened, console, scheme):
    trace = get_product(failed=True)
    await console.send(trace.request)
    backgrounds = {"light": "rgb(247, 247, 250)", "dark": "rgb(16, 16, 22)"}

    for path in ("/", f"{trace.path}#{2:016x}", "/services"):
        async with opened(path, scheme=scheme) as page:
            await expect(page.locator("#rows tr, .span, .card").first).to_be_visible()

            body = await page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert body == backgrounds[scheme]
            found = await page.evaluate(CONTRAST, LOOKED_AT)
            assert len(found) > 5
            assert [one for one in found if one[0] < 4.5] == []  # WCAG 2.2, 1.4.3


async def test_a_phone_shows_all_of_it_without_moving_sideways(opened, console):
    trace = get_product(failed=True)
    await console.send(trace.request)
    await console.send(get_product(2).request)

    for path in ("/", trace.path, "/services"):
        async with opened(path, width=390) as page:
            await expect(page.locator("#rows tr, .span, .card").first).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth") == 390
            if path == trace.path:
                await page.locator(".span").nth(3).click()
                sheet = await page.locator("#details").bounding_box()
                assert sheet["width"] == 390
                assert sheet["y"] + sheet["height"] == pytest.approx(860, abs=1)


async def test_a_trace_of_three_thousand_spans_is_shown_and_searched(opened, console):
    trace = Trace()
    root = trace.add("gateway", "export", 0, 3000)
    for number in range(2999):
        trace.add("catalog", f"row {number}", number, number + 1, root)
    await console.send(trace.request)

    async with opened(trace.path) as page:
        await expect(page.locator(".span")).to_have_count(3000)
        await page.locator(".span").first.focus()
        await page.keyboard.press("End")
        await expect(page.locator(".span").last).to_be_focused()

        await page.get_by_label("Find in this trace").fill("row 1234")
        await expect(page.locator("#found")).to_have_text("1 of 1")
        await expect(page.locator(".span.hit")).to_be_in_viewport()
