"""What a person reads of a mail; and that no bytes are too wrong for it."""

import json
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.console.mail.letter import Attachment, clean, read, source


def mail(text: str = "Hello", **headers: str) -> EmailMessage:
    made = EmailMessage()
    for name, value in {"From": "shop@shop.example", "Subject": "Welcome", **headers}.items():
        made[name] = value
    made.set_content(text)
    return made


def lines(*parts: str | bytes) -> bytes:
    return b"\r\n".join(part.encode() if isinstance(part, str) else part for part in parts)


def test_text_and_headers_are_read():
    letter = read(mail("Hello Ada,\nwelcome.\n").as_bytes())

    assert letter.text == "Hello Ada,\nwelcome.\n"
    assert letter.header("subject") == "Welcome"
    assert letter.header("FROM") == "shop@shop.example"
    assert letter.header("x-none") == ""
    assert not letter.html
    assert letter.attachments == ()


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
def test_other_letters_are_read_in_every_encoding(encoding):
    made = mail(Subject="Grüße, заказ")
    made.set_content("Grüße\n", cte=encoding)

    letter = read(made.as_bytes())

    assert letter.text == "Grüße\n"
    assert letter.header("subject") == "Grüße, заказ"


def test_a_header_of_raw_utf8_is_read():
    assert read(lines("Subject: Grüße", "", "x")).header("subject") == "Grüße"


def test_a_folded_header_is_one_line():
    assert read(lines("Subject: one", "\ttwo", "", "x")).header("subject") == "one two"


def test_of_two_ways_to_say_it_the_text_is_read():
    made = mail("plain")
    made.add_alternative("<p>html</p>", subtype="html")

    letter = read(made.as_bytes())

    assert (letter.text, letter.html) == ("plain\n", False)
    assert [one.media_type for one in letter.attachments] == ["text/html"]


def test_html_alone_stays_its_own_source():
    made = mail()
    made.set_content("<script>alert(1)</script>", subtype="html")

    letter = read(made.as_bytes())

    assert (letter.text, letter.html) == ("<script>alert(1)</script>\n", True)


def test_attachments_are_named_with_their_size():
    made = mail("see the attachment")
    made.add_attachment(b"x" * 1000, maintype="application", subtype="pdf", filename="größe.pdf")
    made.add_attachment("a text", filename="a.txt")

    letter = read(made.as_bytes())

    assert letter.text == "see the attachment\n"
    assert letter.attachments == (
        Attachment(name="größe.pdf", media_type="application/pdf", size=1000),
        Attachment(name="a.txt", media_type="text/plain", size=7),
    )


def test_a_mail_without_headers_is_text():
    assert read(b"\r\njust words\r\n").text == "just words\n"


@pytest.mark.parametrize("charset", ["nothing-like-it", "undefined", "idna", "hex", 'a"b'])
def test_a_charset_that_is_none_is_read_as_utf8(charset):
    content = lines(f"Content-Type: text/plain; charset={charset}", "", "Grüße")

    assert read(content).text == "Grüße"


@pytest.mark.parametrize(
    "word", ["=?utf-8?b?a?=", "=?nothing-like-it?q?a?=", "=?idna?b?eg==?=", "=?utf-7?q?+2AA-?="]
)
def test_an_encoded_word_that_is_none_does_no_harm(word):
    subject = read(lines(f"Subject: {word}", "", "x")).header("subject")

    assert subject
    assert subject.encode()


def nested(depth: int) -> bytes:
    head = "".join(
        f"Content-Type: multipart/mixed; boundary=b{number}\r\n\r\n--b{number}\r\n"
        for number in range(depth)
    )
    return lines(f"Subject: deep\r\n{head}", "the text")


def test_what_is_nested_too_deep_is_shown_as_it_is():
    reasonable, unreasonable = read(nested(20)), read(nested(21))

    assert reasonable.text == "the text"
    assert reasonable.header("subject") == "deep"
    assert unreasonable.text == source(nested(21))
    assert unreasonable.headers == ()


def test_mails_in_mails_in_mails_are_shown_as_they_are():
    content = b"Content-Type: message/rfc822\r\n\r\n" * 30_000

    assert read(content).text == source(content)


def test_too_many_parts_are_shown_as_they_are():
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"

    assert read(head + b"--b\r\n\r\nx\r\n" * 1000).text == "x"
    many = head + b"--b\r\n\r\nx\r\n" * 1001
    assert read(many).text == source(many)


def test_of_very_many_parts_and_headers_the_first_are_looked_at():
    head = b"A: b\r\n" * 300 + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"

    letter = read(head + b"--b\r\n\r\nx\r\n" * 300)

    assert len(letter.attachments) == 98  # and the one that is read, and what holds them all
    assert len(letter.headers) == 200


def test_a_very_long_header_is_cut():
    long = read(b"Subject: " + (b"=?x?q?" * 160 + b"\r\n ") * 1000 + b"\r\n\r\nx")

    assert 4000 < len(long.header("subject")) <= 4096


def test_a_source_is_text():
    assert source(b"a\r\n\xff\r\n") == "a\n\N{REPLACEMENT CHARACTER}\n"


def test_what_cannot_be_written_is_marked():
    assert clean("\udcff \ud800 ü").encode()
    assert clean("ü") == "ü"


PIECES = st.sampled_from(
    [
        b"Content-Type: text/plain; charset=utf-7\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"Content-Type: message/delivery-status\r\n",
        b"Content-Type: text/html\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: uuencode\r\n",
        b"Content-Disposition: attachment; filename*=utf-8''%ff%e2\r\n",
        b"Subject: =?utf-8?b?4pyT?= x\r\n",
        b"From: \xff\xfe@x\r\n",
        b"\xe2\x9c\x93: y\r\n",
        b"begin 644 x\r\n",
        b"aGVsbG8=\r\n",
        b"+2AA- hi\r\n",
        b" folded\r\n",
        b"--b\r\n",
        b"--b--\r\n",
        b"\r\n",
    ]
)


@given(st.lists(PIECES | st.binary(max_size=40), max_size=12))
def test_whatever_the_bytes_are_there_is_something_that_can_be_shown(pieces):
    letter = read(b"".join(pieces))

    shown = [letter.text, letter.headers, [one.name + one.media_type for one in letter.attachments]]
    assert json.dumps(shown, ensure_ascii=False).encode()
