"""What letters say."""

import pytest

from services.identity.letters import Purpose, message
from tests.services.identity.people import VAULT, days, letter, minutes

TOKEN = VAULT.one_time_token("l1")


def written(purpose=Purpose.VERIFY, **fields):
    parts = {"token": TOKEN, "to": "ann@example.org", "sender": "The shop <no-reply@shop.example>"}
    return message(letter(purpose=purpose), **(parts | fields))


@pytest.mark.parametrize("purpose", list(Purpose))
def test_the_token_stands_on_a_line_of_its_own(purpose):
    lines = written(purpose).get_content().splitlines()

    assert lines.count(TOKEN) == 1
    assert max(map(len, lines)) <= 78


def test_each_letter_says_what_it_is_about_and_how_long_its_token_works():
    verify, reset = written(Purpose.VERIFY), written(Purpose.RESET)

    assert verify["Subject"] == "Please confirm your address"
    assert reset["Subject"] == "Your new password"
    assert "within a day" in verify.get_content()
    assert "within an hour" in reset.get_content()
    assert (Purpose.VERIFY.life, Purpose.RESET.life) == (days(1), minutes(60))


def test_a_letter_is_the_same_each_time_it_is_written():
    one = written()

    assert one.as_bytes() == written().as_bytes()
    assert one["Message-ID"] == "<l1@shop.example>"
    assert one["Date"] == "Sat, 31 Jan 2026 12:00:00 +0000"
    assert written(sender="shop@mail.example")["Message-ID"] == "<l1@mail.example>"


def test_a_letter_is_plain_mail_from_a_machine():
    one = written()

    assert one.get_content_type() == "text/plain"
    assert one["Auto-Submitted"] == "auto-generated"
    assert (one["From"], one["To"]) == ("The shop <no-reply@shop.example>", "ann@example.org")
    assert one.as_bytes().isascii()
    assert b"\r\n\r\n" in one.as_bytes()


def test_an_address_cannot_add_headers():
    with pytest.raises(ValueError, match=r"linefeed|carriage"):
        written(to="ann@example.org\r\nBcc: everybody@example.org")
