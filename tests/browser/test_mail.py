"""The mailbox's pages in a real Chromium, fed by real mail over SMTP."""

import asyncio
import smtplib
from email.message import EmailMessage

import pytest

from tests.browser.pages import CONTRAST, MARKS, browser, console, expect, opened

__all__ = ["browser", "console", "opened"]  # fixtures

pytestmark = MARKS
WELCOME = """Hello Ada,

please confirm your address: your token is t0k3n.
Read more at http://127.0.0.1:8080/docs, or do not.
"""
HOSTILE = "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>"


def mail(subject="Welcome to the shop", text=WELCOME, to="ada@example.org", **more) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "The shop <shop@shop.example>", to, subject
    made.set_content(text, **more)
    return made


async def send(console, *mails: EmailMessage) -> None:
    host, _, port = console.smtp.rpartition(":")

    def act() -> None:
        with smtplib.SMTP(host, int(port), timeout=20) as client:
            for each in mails:
                client.send_message(each)

    await asyncio.to_thread(act)


async def test_an_empty_mailbox_says_what_it_is_and_shows_the_first_mail_by_itself(opened, console):
    async with opened("/mail") as page:
        await expect(page.get_by_role("heading", name="No mail yet")).to_be_visible()
        await expect(page.locator(".local")).to_contain_text("nothing is sent on to anybody")
        await expect(page.locator("#empty code")).to_have_text(f"smtp://{console.smtp}")

        await send(console, mail())

        row = page.locator("#rows tr")
        await expect(row).to_contain_text("ada@example.org")
        await expect(row).to_contain_text("Welcome to the shop")
        await expect(row).to_contain_text("Hello Ada, please confirm")
        await expect(page.locator("#empty")).to_be_hidden()
        await expect(page.locator("#count")).to_have_text("1 mail")


async def test_the_newest_mail_is_on_top_and_opens_with_all_that_was_sent(opened, console):
    attached = mail("Your order", "See the attachment.\n", "ada@example.org, grace@example.org")
    attached.add_attachment(b"x" * 34_567, maintype="application", subtype="pdf", filename="a.pdf")
    await send(console, mail(), attached)

    async with opened("/mail") as page:
        await expect(page.locator("#rows tr").first).to_contain_text("ada@example.org +1")

        await page.get_by_role("link", name="Your order").click()

        await expect(page).to_have_title("Your order · plait console")
        letter = page.get_by_role("article")
        await expect(letter.get_by_role("heading", name="Your order")).to_be_visible()
        await expect(letter.locator(".envelope")).to_contain_text(
            "ada@example.org, grace@example.org"
        )
        await expect(letter.locator("pre.text")).to_have_text("See the attachment.\n")
        await expect(letter.locator("li")).to_have_text("a.pdf application/pdf, 34.6 KB")
        await letter.get_by_text("Headers").click()
        await expect(letter.locator(".headers")).to_contain_text("The shop <shop@shop.example>")
        await letter.get_by_text("Source").click()
        await expect(letter.locator(".more pre")).to_contain_text("Content-Disposition: attachment")

        await page.get_by_role("navigation").get_by_role("link", name="Mail").click()
        await expect(page.locator("#rows tr")).to_have_count(2)


async def test_a_link_can_be_followed_and_ends_where_the_sentence_goes_on(opened, console):
    await send(console, mail())

    async with opened("/mail") as page:
        await page.locator("#rows a").click()

        link = page.locator("pre.text a")
        await expect(link).to_have_attribute("href", "http://127.0.0.1:8080/docs")
        await expect(link).to_have_attribute("rel", "noopener noreferrer")
        await expect(page.locator("pre.text")).to_have_text(WELCOME)


async def test_a_search_narrows_the_list_and_is_kept_in_the_address(opened, console):
    await send(console, mail(), mail("Reset your password", to="bob@example.org"))

    async with opened("/mail") as page:
        rows = page.locator("#rows tr")
        await expect(rows).to_have_count(2)

        await page.keyboard.press("/")
        await page.keyboard.type("BOB@")
        await expect(rows).to_have_count(1)
        await expect(page.locator("#count")).to_have_text("1 of 2")
        assert page.url.endswith("/mail?find=BOB%40")
        await page.reload()
        await expect(rows).to_have_count(1)

        await page.get_by_label("Find mail").fill("nobody")
        await expect(page.get_by_role("heading", name="No mail like this")).to_be_visible()
        await page.get_by_role("button", name="Show all").click()
        await expect(rows).to_have_count(2)
        assert page.url == f"{console.pages}/mail"


async def test_everything_is_reached_by_keyboard(opened, console):
    await send(console, mail(), mail("Another"))

    async with opened("/mail") as page:
        link = page.get_by_role("link", name="Welcome to the shop")
        await expect(link).to_be_visible()
        for _ in range(20):
            await page.keyboard.press("Tab")
            if await link.evaluate("one => one === document.activeElement"):
                break
        await send(console, mail("A third"))
        await expect(page.locator("#rows tr")).to_have_count(3)
        await expect(link).to_be_focused()  # what comes does not take the cursor away

        await page.keyboard.press("Enter")

        await expect(page.get_by_role("heading", name="Welcome to the shop")).to_be_visible()
        summary = page.locator("summary").first
        await summary.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator(".headers")).to_be_visible()


@pytest.mark.parametrize("subtype", ["plain", "html"])
async def test_what_a_sender_writes_is_text_and_nothing_else(opened, console, subtype):
    made = mail(HOSTILE, HOSTILE, subtype=subtype)
    made.replace_header("From", '"<b>x</b>" <shop@shop.example>')
    await send(console, made)

    async with opened("/mail") as page:
        await expect(page.locator("td.subject")).to_contain_text(HOSTILE)
        await page.locator("#rows a").click()

        await expect(page.get_by_role("article").locator("pre").first).to_contain_text(HOSTILE)
        note = page.get_by_text("This mail has no text, only HTML")
        assert await note.count() == (subtype == "html")
        for summary in await page.locator("summary").all():
            await summary.click()
        assert await page.locator('img[src="x"]').count() == 0
        assert await page.locator("article b, script:not([src])").count() == 0
        assert (await page.title()).startswith("<img src=x")
        assert await page.evaluate("document.documentElement.scrollWidth") == 1280


async def test_a_mail_that_is_not_here_says_so(opened):
    async with opened(f"/mail/{0:016x}") as page:
        await expect(page.get_by_role("heading", name="This mail is not here")).to_be_visible()
        await page.get_by_role("link", name="All mail").click()
        await expect(page.get_by_role("heading", name="No mail yet")).to_be_visible()


LOOKED_AT = "h1, dt, dd, a, th, td, summary, .dim, .note, .local, .local b, pre, button"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_is_readable_in_light_and_in_dark(opened, console, scheme):
    await send(console, mail(), mail("HTML", "<p>x</p>", subtype="html"))

    async with opened("/mail", scheme=scheme) as page:
        await expect(page.locator("#rows tr")).to_have_count(2)
        found = await page.evaluate(CONTRAST, LOOKED_AT)
        await page.locator("#rows a").first.click()
        await expect(page.get_by_role("article")).to_be_visible()
        found += await page.evaluate(CONTRAST, LOOKED_AT)

    assert len(found) > 20
    assert [one for one in found if one[0] < 4.5] == []  # WCAG 2.2, 1.4.3


async def test_a_phone_shows_all_of_it_without_moving_sideways(opened, console):
    long = "a-very-long-word-" * 20
    await send(console, mail(), mail(long, long, f"{'a' * 60}@{'b' * 60}.example.org"))

    async with opened("/mail", width=390) as page:
        await expect(page.locator("#rows tr")).to_have_count(2)
        assert await page.evaluate("document.documentElement.scrollWidth") == 390
        await page.locator("#rows a").first.click()
        await expect(page.get_by_role("article")).to_be_visible()
        for summary in await page.locator("summary").all():
            await summary.click()
        assert await page.evaluate("document.documentElement.scrollWidth") == 390
