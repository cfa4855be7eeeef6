"""Pictures are told by their bytes."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.errors import Code
from services.catalog.domain import Picture
from services.catalog.pictures import LARGEST, NotAPicture, content_type_of, picture_of
from tests.services.catalog.goods import NOW

BEGINNINGS = {
    "image/png": [b"\x89PNG\r\n\x1a\n"],
    "image/jpeg": [b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xdb"],
    "image/gif": [b"GIF87a", b"GIF89a"],
    "image/webp": [b"RIFF\n\x00\n\nWEBP"],
}


def take(data, content_type="image/png"):
    return picture_of("products/p1", content_type=content_type, data=data, now=NOW)


@pytest.mark.parametrize(
    ("content_type", "beginning"),
    [(name, each) for name, several in BEGINNINGS.items() for each in several],
)
def test_bytes_that_begin_as_they_claim_are_a_picture(content_type, beginning):
    data = beginning + b"more"

    assert take(data, content_type) == Picture(
        name="products/p1/picture",
        content_type=content_type,
        size_bytes=len(data),
        sha256=sha256(data).hexdigest(),
        update_time=NOW,
    )


@pytest.mark.parametrize("content_type", BEGINNINGS)
@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "something else"),
        (b"<svg/>", "something else"),
        (b"\x89PNG", "something else"),
        (b" GIF89a", "something else"),
        (b"RIFF1234WAVE", "something else"),
    ],
)
def test_bytes_that_are_no_picture_are_refused(content_type, data, found):
    with pytest.raises(NotAPicture, match=f"the bytes of an {content_type}; found '{found}'"):
        take(data, content_type)


def test_a_picture_that_claims_to_be_another_is_refused_and_told_what_it_is():
    with pytest.raises(NotAPicture, match="bytes of an image/png; found 'image/gif'") as refused:
        take(b"GIF89a")

    assert (refused.value.code, refused.value.reason) == (Code.INVALID_ARGUMENT, "NOT_A_PICTURE")
    assert refused.value.violations[0].field == "content.data"


@pytest.mark.parametrize("content_type", ["", "image/svg+xml", "image/PNG", "image/png; x=1"])
def test_a_content_type_that_is_not_kept_is_refused(content_type):
    with pytest.raises(NotAPicture, match=r"content\.content_type must be one of image/png"):
        take(BEGINNINGS["image/png"][0], content_type)


def test_a_picture_has_at_most_two_mebibytes():
    (beginning,) = BEGINNINGS["image/png"]
    largest = beginning.ljust(2 * 1024 * 1024, b"\0")

    assert take(largest[:-1]).size_bytes == LARGEST - 1
    assert take(largest).size_bytes == LARGEST
    with pytest.raises(NotAPicture, match=r"content\.data must be at most 2097152 bytes"):
        take(largest + b"\0")


@settings(deadline=None)
@given(data=st.binary(max_size=64), content_type=st.sampled_from(sorted(BEGINNINGS)))
def test_bytes_are_a_picture_of_a_type_if_and_only_if_they_begin_like_one(data, content_type):
    if content_type_of(data) == content_type:
        assert take(data, content_type).size_bytes == len(data)
    else:
        with pytest.raises(NotAPicture):
            take(data, content_type)
