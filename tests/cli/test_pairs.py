"""Requests in words."""

import pytest
from google.protobuf import empty_pb2

from plait.cli.pairs import to_json
from plait.local.mistake import USAGE, Mistake

INNER = {"inner_words": {"text": "a", "times": "2"}}


@pytest.mark.parametrize(
    ("pairs", "json"),
    [
        ([], {}),
        (["text=hello world"], {"text": "hello world"}),
        (["text=a=b"], {"text": "a=b"}),
        (["text="], {"text": ""}),
        (["times=3"], {"times": "3"}),
        (["loud=true"], {"loud": True}),
        (["loud=false"], {"loud": False}),
        (["tags=a", "tags=b"], {"tags": ["a", "b"]}),
        (['tags=["a", "b"]', "tags=c"], {"tags": ["a", "b", "c"]}),
        (["flags=true", "flags=false"], {"flags": [True, False]}),
        (["labels.a.b=1", "labels.c=2"], {"labels": {"a.b": "1", "c": "2"}}),
        (['labels={"a": "1"}'], {"labels": {"a": "1"}}),
        (["inner_words.text=a", "innerWords.times=2"], INNER),
        (['inner_words={"text": "a"}', "inner_words.times=2"], INNER),
        (["at=2026-01-01T00:00:00Z"], {"at": "2026-01-01T00:00:00Z"}),
        (['parts={"text": "a"}'], {"parts": [{"text": "a"}]}),
        (["mood=MOOD_GOOD"], {"mood": "MOOD_GOOD"}),
    ],
)
def test_pairs_become_the_json_of_their_message(words, pairs, json):
    assert to_json(words.DESCRIPTOR, pairs) == json


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["text"], "expected field=value, found 'text'"),
        (["=x"], "expected field=value"),
        (["txt=a"], "txt: test.v1.Words has no field 'txt', it has: text, times"),
        (["inner_words.txt=a"], "inner_words.txt: test.v1.Words has no field 'txt'"),
        (["loud=yes"], "loud: expected true or false, found 'yes'"),
        (["text.more=a"], "text.more: text is no message, it has no field 'more'"),
        (["parts.text=a"], "parts.text: parts is a list, it has no field 'text'; give parts="),
        (["inner_words=a"], "inner_words: expected JSON, found 'a'"),
        (["labels=[]"], "labels: expected an object of JSON"),
        (["labels=a"], "labels: expected JSON"),
        (["tags=[a"], "tags: expected JSON, found '[a'"),
        (["inner_words=3", "inner_words.text=a"], "inner_words has a value already"),
    ],
)
def test_what_is_no_field_or_no_value_of_it_is_refused_with_the_place(words, pairs, message):
    with pytest.raises(Mistake) as refused:
        to_json(words.DESCRIPTOR, pairs)

    assert message in str(refused.value)
    assert refused.value.code == USAGE


def test_a_misspelt_field_gets_the_nearest(words):
    with pytest.raises(Mistake, match=r"did you mean 'times'\?"):
        to_json(words.DESCRIPTOR, ["time=3"])


def test_a_message_without_fields_says_so(pool):
    with pytest.raises(Mistake, match="it has: none"):
        to_json(empty_pb2.Empty.DESCRIPTOR, ["a=1"])
