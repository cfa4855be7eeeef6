"""The page at /docs in a real browser: it lists the methods, and they can be tried."""

import json
import shutil
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from plait.gateway import contracts as gateway_contracts
from tests.gateway.conftest import CONTRACTS, compiled
from tests.gateway.live import EVERYTHING, LIBRARY, live

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
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),  # one browser for all
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="there is no chromium on the PATH"),
]
GET_BOOK = "#LibraryService_GetBook"


@pytest.fixture(scope="module")
def descriptor_set(tmp_path_factory):
    return compiled(CONTRACTS, tmp_path_factory.mktemp("contracts") / "contracts.binpb")


@pytest_asyncio.fixture(loop_scope="module")
async def shop(descriptor_set, tmp_path):
    library = gateway_contracts.load(descriptor_set, [LIBRARY, EVERYTHING])
    async with live(library, classes(descriptor_set), tmp_path) as running:
        yield running


def classes(descriptor_set):
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # noqa: PLC0415

    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(descriptor_set).file:
        pool.Add(file)
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield running
        finally:
            await running.close()


@pytest.fixture
def opened(browser, shop):
    """Open the page; it must ask nobody but the gateway, and have no fault."""

    @asynccontextmanager
    async def open_page(*, width: int = 1280, height: int = 900, scheme: str = "light"):
        context = await browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        page = await context.new_page()
        faults: list[str] = []
        asked: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(f"http://127.0.0.1:{shop.port}/docs")
        await page.wait_for_selector(".method")
        yield page
        await context.close()
        assert faults == []
        own = (f"http://127.0.0.1:{shop.port}/", "blob:")
        assert [url for url in asked if not url.startswith(own)] == []

    return open_page


async def unfold(page, name: str):
    method = page.locator(name)
    await method.locator("> summary").click()
    await expect(method.locator("form")).to_be_visible()
    return method


async def test_it_lists_the_methods_by_service_with_their_comments(opened):
    async with opened() as page:
        await expect(page.locator("main h2")).to_have_text(["LibraryService", "EverythingService"])
        await expect(page.locator(f"{GET_BOOK} .path")).to_have_text(
            "/v1/shelves/{shelf}/books/{book}"
        )
        await expect(page.locator(f"{GET_BOOK} .what")).to_have_text("Reads a book.")
        await expect(page.locator("main")).to_contain_text("Books on shelves.")
        assert "HiddenService" not in await page.content()


async def test_a_method_can_be_tried(opened):
    async with opened() as page:
        method = await unfold(page, GET_BOOK)
        await method.get_by_label("shelf required").fill("s1")
        await method.get_by_label("book required").fill("b1")
        await method.get_by_role("button", name="Send").click()

        await expect(method.locator(".status")).to_contain_text("200 OK")
        shown = await method.locator(".result pre").first.text_content()
        assert json.loads(shown)["title"] == "Emma"


async def test_an_error_is_shown_as_it_is(opened):
    async with opened() as page:
        method = await unfold(page, GET_BOOK)
        await method.get_by_label("shelf required").fill("s1")
        await method.get_by_label("book required").fill("b9")
        await method.get_by_role("button", name="Send").click()

        await expect(method.locator(".status.bad")).to_contain_text("404")
        await expect(method.locator(".result")).to_contain_text("BOOK_NOT_FOUND")


async def test_the_token_is_sent_with_a_request_and_kept_for_the_tab(opened, shop):
    async with opened() as page:
        await page.get_by_label("Bearer token").fill(shop.keys.user_token())
        await page.reload()
        method = await unfold(page, "#LibraryService_CreateBook")
        await method.get_by_label("shelf required").fill("s1")
        await method.locator("textarea[name=body]").fill('{"title": "Persuasion"}')
        await method.get_by_role("button", name="Send").click()

        await expect(method.locator(".status.good")).to_contain_text("201")


async def test_a_stream_is_shown_as_it_comes(opened):
    async with opened() as page:
        method = await unfold(page, "#LibraryService_WatchBooks")
        await method.get_by_label("shelf required").fill("s1")
        await method.get_by_label("Accept").select_option("text/event-stream")
        await method.get_by_role("button", name="Send").click()

        await expect(method.locator(".result pre").first).to_contain_text("event: end")
        await expect(method.locator(".result pre").first).to_contain_text("W2")


async def test_a_picture_is_shown_as_a_picture(opened):
    async with opened() as page:
        method = await unfold(page, "#LibraryService_GetCover")
        await method.get_by_label("shelf required").fill("s1")
        await method.get_by_label("book required").fill("b1")
        await method.get_by_role("button", name="Send").click()

        await expect(method.locator("img.picture")).to_have_count(1)


async def test_a_request_can_be_taken_away_as_curl(opened, shop):
    async with opened() as page:
        method = await unfold(page, GET_BOOK)
        await method.get_by_label("shelf required").fill("s1")
        await method.get_by_label("book required").fill("it's")
        await method.get_by_role("button", name="Copy as curl").click()

        await expect(method.locator(".curl")).to_have_text(
            f"curl 'http://127.0.0.1:{shop.port}/v1/shelves/s1/books/it'\\''s'"
        )


async def test_methods_can_be_found_by_name_and_path(opened):
    async with opened() as page:
        await page.get_by_label("Find a method").fill("cover")

        names = await page.locator(".method:visible h3").all_text_contents()
        assert names == ["PutCover", "GetCover", "Download", "Upload"]


async def test_a_link_to_a_method_opens_it(opened, shop):
    async with opened() as page:
        await page.goto(f"http://127.0.0.1:{shop.port}/docs#LibraryService_GetBook")
        await page.reload()

        await expect(page.locator(f"{GET_BOOK} form")).to_be_visible()


async def test_it_works_by_keyboard_alone(opened):
    async with opened() as page:
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")  # the link that skips to the methods
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")

        first = page.locator(".method").first
        await expect(first.locator("form")).to_be_visible()
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.name") == "path:shelf"


@pytest.mark.parametrize("width", [390, 820, 1280])
async def test_nothing_sticks_out_at_any_width(opened, width):
    async with opened(width=width, height=844) as page:
        await unfold(page, "#LibraryService_CreateBook")

        assert await page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_can_be_read_in_light_and_in_dark(opened, scheme):
    async with opened(scheme=scheme) as page:
        text, ground = await page.evaluate(
            "['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name])"
        )

    assert contrast(text, ground) >= 7  # WCAG 2.2, level AAA


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, as WCAG 2.2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in colour.strip("rgba()").split(",")[:3]]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
