"""Which passwords are guessed first."""

import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.errors import Code
from services.identity.common import LEET, ROWS, WORDS
from services.identity.passwords import ENOUGH, WeakPassword, bits, check_password, normalised

EMAIL = "ann.smith@bookworm.example"
GUESSED = [
    *("password12", "Password1!", "P@ssw0rd2024", "passwordpassword", "drowssap99", "mypassword1"),
    *("1234567890", "0987654321", "1111111111", "121212121212", "12341234123412341234", "20242025"),
    *(
        "qwertyuiop",
        "qwertzuiop",
        "azertyuiop",
        "poiuytrewq",
        "asdfghjkl;",
        "1q2w3e4r5t",
        "zaq12wsx",
    ),
    *("!QAZ2wsx#EDC", "qweasdzxc123", "abcdefghij", "zyxwvutsrq", "abcabcabcabc", "aaaaaaaaaa"),
    *("iloveyou123", "letmein1234", "changeme!!", "administrator", "welcome2026", "Summer2024!!"),
    *("trustno1trustno1", "dragonmonkey12", "michael.jordan23", "liverpool1892", "superman_99"),
    *("correct horse battery staple", "correcthorsebatterystaple", "hunter2hunter2"),
]
OWN = [
    *("ann.smith12", "annsmith2024", "bookworm123", "smith-smith", "ann.smith@bookworm.example"),
    *("BookWorm!!", "shopshopshop", "identity1234", "b00kw0rm99", "plait plait"),
]
FINE = [
    *("violin ladder sixty", "tulip-anchor-84", "kJ3!xPq9Lm", "8305716294", "Tr0ub4dor&3"),
    *(
        "correct-horse-battery",
        "ünïcödé-pässwört",
        "密码是一个很长的东西",
        "a long enough passphrase",
    ),
    *("password-is-not-what-you-think", "I never liked mondays much"),
]


@pytest.mark.parametrize("password", GUESSED)
def test_what_is_guessed_first_is_refused(password):
    with pytest.raises(WeakPassword) as refused:
        check_password(password, email="x@y.z", field="password")

    assert refused.value.code is Code.INVALID_ARGUMENT
    assert refused.value.reason == "WEAK_PASSWORD"
    assert [violation.field for violation in refused.value.violations] == ["password"]


@pytest.mark.parametrize("password", OWN)
def test_what_is_made_of_the_persons_own_address_or_the_shop_is_refused(password):
    with pytest.raises(WeakPassword):
        check_password(password, email=EMAIL, field="password")


@pytest.mark.parametrize("password", ["bookworm-7x", "ann.smith12x"])
def test_the_address_of_somebody_else_is_as_good_as_anything(password):
    assert bits(password, EMAIL) < ENOUGH < bits(password, "x@y.z")


@pytest.mark.parametrize("password", FINE)
def test_what_takes_long_to_guess_passes(password):
    check_password(password, email=EMAIL, field="password")


def test_a_refusal_says_nothing_of_the_password():
    with pytest.raises(WeakPassword) as refused:
        check_password("iloveyou-canary", email="canary@x.y", field="new_password")

    said = f"{refused.value.message} {refused.value.violations} {refused.value.metadata}"
    assert "canary" not in said
    assert "iloveyou" not in said
    assert refused.value.message.startswith("new_password must not be")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("passwo\uff52d", "password"),
        ("\u00e9", "e\u0301"),
        ("\ufb01sh", "fish"),
        ("\u2460", "1"),
    ],
)
def test_what_looks_alike_on_another_keyboard_is_one_password(one, other):
    assert normalised(one) == normalised(other)


def test_wide_letters_make_a_common_password_no_better():
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in "password123")

    assert bits(wide) == bits("password123") < ENOUGH


@pytest.mark.parametrize("form", [str.upper, str.title, lambda text: text[::-1]])
def test_case_and_direction_make_a_word_no_better(form):
    assert bits(form("chocolate") + "77") == bits("chocolate77")


@settings(deadline=None, max_examples=50)
@given(st.binary(min_size=9, max_size=9))
def test_random_bytes_are_never_taken_for_a_common_password(content):
    del content  # the generator's own randomness is not hypothesis'
    assert bits(secrets.token_urlsafe(12)) >= ENOUGH


@settings(deadline=None)
@given(st.text(max_size=300))
def test_every_text_has_a_measure(text):
    assert bits(text, text) >= 0


def test_more_characters_never_make_a_password_worse_than_its_beginning_by_much():
    assert bits("violin ladder sixty" * 20) >= ENOUGH


def test_the_lists_are_in_the_form_that_is_searched_for():
    words = WORDS.split()

    assert len(words) == len(set(words)) > 500
    assert all(word == word.lower() for word in words)
    assert all(row == row.lower() for row in ROWS)
    assert all(len(signs) == len(letters) for signs, letters in LEET)
