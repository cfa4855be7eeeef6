import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.gateway.errors import NotAcceptable, UnsupportedMediaType
from plait.gateway.rest.negotiation import Format, body_format, error_format, reply_format

JSON, NDJSON, SSE, PROBLEM, RAW = (
    Format.JSON,
    Format.NDJSON,
    Format.SSE,
    Format.PROBLEM,
    Format.RAW,
)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/*",
        "application/json",
        "Application/JSON; charset=utf-8",
        "text/html, application/xhtml+xml, */*;q=0.8",
        "text/html;q=1, application/json;q=0.1",
        "application/problem+json",
        "application/problem+json, text/html",
        " , application/json",
        "*",
    ],
)
def test_a_single_message_is_json_for_who_accepts_it(accept):
    assert reply_format(accept, streaming=False) is JSON


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "text/event-stream",
        "application/x-ndjson",
        "application/json;q=0",
        "*/*;q=0",
        "application/json;q=0, */*",
        "application/*;q=0, */*",
        "application",
    ],
)
def test_who_accepts_no_json_is_told_so(accept):
    with pytest.raises(NotAcceptable, match="expected one of application/json in Accept") as caught:
        reply_format(accept, streaming=False)

    assert caught.value.http == 406


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", NDJSON),
        ("*/*", NDJSON),
        ("application/*", NDJSON),
        ("application/x-ndjson", NDJSON),
        ("application/ndjson", NDJSON),
        ("application/jsonl", NDJSON),
        ("application/json", JSON),
        ("text/event-stream", SSE),
        ("text/*", SSE),
        ("application/json, text/event-stream;q=0.9", JSON),
        ("application/json;q=0.5, text/event-stream", SSE),
        ("text/event-stream, */*;q=0.1", SSE),
        ("application/json, */*;q=0.1", JSON),
        ("application/json, application/x-ndjson", NDJSON),
        ("application/x-ndjson;q=0, */*", JSON),
        ("*/*, application/json;q=0.2", NDJSON),
        ("application/json;q=nonsense", JSON),
        ("application/json;q=7, text/event-stream", JSON),
        ("application/problem+json", JSON),
    ],
)
def test_a_stream_takes_the_form_that_accept_prefers(accept, expected):
    assert reply_format(accept, streaming=True) is expected


def test_who_accepts_no_form_of_a_stream_is_told_which_there_are():
    with pytest.raises(
        NotAcceptable,
        match='application/x-ndjson, application/json, text/event-stream in Accept, found "a/b"',
    ):
        reply_format("a/b", streaming=True)


@pytest.mark.parametrize("accept", ["image/png", "application/json;q=0", ""])
def test_bytes_are_sent_whatever_is_accepted(accept):
    assert reply_format(accept, streaming=False, raw=True) is RAW


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        ("text/html", JSON),
        ("text/event-stream", JSON),
        ("application/problem+json", PROBLEM),
        ("application/problem+json, application/json", PROBLEM),
        ("application/problem+json;q=0.5, application/json", JSON),
        ("application/problem+json;q=0.5, */*;q=0.1", PROBLEM),
        ("application/problem+json;q=0", JSON),
    ],
)
def test_an_error_is_a_problem_for_who_names_it(accept, expected):
    assert error_format(accept) is expected


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        " ",
        "application/json",
        "Application/Json; charset=UTF-8",
        'application/json;charset="utf-8"',
        "application/merge-patch+json",
        "application/json; version=1",
    ],
)
def test_a_body_is_json(content_type):
    assert body_format(content_type, streaming=False) is JSON


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("", NDJSON),
        ("application/x-ndjson", NDJSON),
        ("application/jsonl; charset=utf-8", NDJSON),
        ("application/json", JSON),
    ],
)
def test_a_stream_of_messages_comes_as_ndjson_or_as_an_array(content_type, expected):
    assert body_format(content_type, streaming=True) is expected


@pytest.mark.parametrize(
    ("content_type", "streaming", "expected"),
    [
        ("application/x-www-form-urlencoded", False, "expected the Content-Type application/json"),
        ("text/plain", True, "expected the Content-Type application/x-ndjson or application/json"),
        ("application/x-ndjson", False, 'json, found "application/x-ndjson"'),
        ("application/json; charset=latin-1", False, 'found the charset "latin-1"'),
        ("application/json; charset = utf-16", True, 'found the charset "utf-16"'),
    ],
)
def test_another_body_is_refused(content_type, streaming, expected):
    with pytest.raises(UnsupportedMediaType, match=expected) as caught:
        body_format(content_type, streaming=streaming)

    assert caught.value.http == 415


@pytest.mark.parametrize("content_type", ["", "image/png", "application/json; charset=latin-1"])
def test_bytes_are_taken_whatever_they_are(content_type):
    assert body_format(content_type, streaming=False, raw=True) is RAW


def test_a_form_says_its_content_type():
    assert NDJSON.content_type == "application/x-ndjson"


@given(header=st.text(alphabet="aplic/json*,;q=0.5 \t+-é", max_size=30), streaming=st.booleans())
def test_any_header_has_an_answer_or_a_documented_error(header, streaming):
    assert error_format(header) in {JSON, PROBLEM}
    for choose in (reply_format, body_format):
        try:
            assert choose(header, streaming=streaming) in {JSON, NDJSON, SSE}
        except (NotAcceptable, UnsupportedMediaType):
            continue
