"""What calls carry beside their messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.rpc.metadata import InvalidMetadata, fields_of, pairs_of

KEYS = st.from_regex(r"x-[a-z0-9_.-]{0,10}", fullmatch=True).filter(
    lambda k: not k.endswith("-bin")
)
TEXTS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20)


@given(
    pairs=st.lists(
        st.one_of(st.tuples(KEYS, TEXTS), st.tuples(KEYS.map(lambda k: k + "-bin"), st.binary())),
        max_size=6,
    )
)
def test_metadata_come_back_in_their_order(pairs):
    assert pairs_of(fields_of(pairs)) == tuple(pairs)


def test_bytes_travel_in_base64_without_padding():
    assert fields_of([("x-bin", b"\xff")]) == [(b"x-bin", b"/w")]


@pytest.mark.parametrize("value", [b"/w", b"/w=="])
def test_padding_makes_no_difference(value):
    assert pairs_of([(b"x-bin", value)]) == (("x-bin", b"\xff"),)


def test_joined_bytes_become_pairs():
    assert pairs_of([(b"x-bin", b"AQ,Ag==")]) == (("x-bin", b"\1"), ("x-bin", b"\2"))


def test_bytes_that_are_no_base64_are_handed_on():
    assert pairs_of([(b"x-bin", b"!")]) == (("x-bin", b"!"),)


def test_what_is_grpcs_own_is_no_metadata_unless_it_is_kept():
    fields = [(b"grpc-status", b"0"), (b"te", b"trailers"), (b"user-agent", b"a"), (b"x", b"1")]

    assert pairs_of(fields) == (("x", "1"),)
    assert pairs_of(fields, kept=frozenset({b"user-agent"})) == (("user-agent", "a"), ("x", "1"))


@pytest.mark.parametrize(
    ("pair", "why"),
    [
        (("X-Upper", "a"), "lower-case letters"),
        (("", "a"), "lower-case letters"),
        (("a b", "a"), "lower-case letters"),
        (("ä", "a"), "lower-case letters"),
        ((":path", "a"), "lower-case letters"),
        (("grpc-status", "0"), "gRPC's own"),
        (("grpc-anything", "0"), "gRPC's own"),
        (("te", "x"), "gRPC's own"),
        (("x-bin", "text"), "must be bytes"),
        (("x", "ä"), "printable ASCII"),
        (("x", "a\nb"), "printable ASCII"),
        (("x", " a"), "without blanks around"),
        (("x", b"\xff"), "under a key that ends in -bin"),
    ],
)
def test_what_cannot_travel_is_refused_with_a_reason(pair, why):
    with pytest.raises(InvalidMetadata, match=why):
        fields_of([pair])


def test_a_text_may_be_given_as_ascii_bytes():
    assert fields_of([("x", b"abc")]) == [(b"x", b"abc")]
