"""What is kept comes back as it was, and fills its table."""

from types import SimpleNamespace

import pytest

from services.identity.keys import State
from services.identity.letters import Purpose
from services.identity.rows import (
    EVENTS,
    LETTERS,
    SIGNING_KEYS,
    USERS,
    event_of,
    key_of,
    letter_of,
    user_of,
    values_of_event,
    values_of_key,
    values_of_letter,
    values_of_user,
)
from tests.services.identity.people import NOW, an_event, letter, minutes, signing_key, user


@pytest.mark.parametrize(
    "kept",
    [
        user(),
        user(display_name="Ann Ä", email="Ann@Example.ORG", email_verified=True, revision=7),
        user(roles=("admin",)),
        user(roles=("admin", "agent"), update_time=NOW + minutes(1)),
    ],
)
def test_a_user_comes_back_from_their_row(kept):
    assert user_of(SimpleNamespace(**values_of_user(kept))) == kept


@pytest.mark.parametrize(
    "kept",
    [
        signing_key(),
        signing_key(State.NEXT),
        signing_key(State.PREVIOUS, sealed=b"", rotate_time=NOW, expire_time=NOW + minutes(1)),
    ],
)
def test_a_key_comes_back_from_its_row(kept):
    assert key_of(SimpleNamespace(**values_of_key(kept))) == kept


@pytest.mark.parametrize("kept", [letter(), letter("l2", Purpose.RESET, attempts=3)])
def test_a_letter_comes_back_from_its_row(kept):
    assert letter_of(SimpleNamespace(**values_of_letter(kept))) == kept


def test_an_event_comes_back_from_its_row():
    kept = an_event(trace_id="0" * 32)

    assert event_of(SimpleNamespace(**values_of_event(kept))) == kept


@pytest.mark.parametrize(
    ("table", "values", "elsewhere"),
    [
        (USERS, values_of_user(user()), {"password_hash"}),
        (EVENTS, values_of_event(an_event()), set()),
        (LETTERS, values_of_letter(letter()), {"issued", "parked"}),
        (SIGNING_KEYS, values_of_key(signing_key()), set()),
    ],
)
def test_every_column_is_filled(table, values, elsewhere):
    assert set(values) | elsewhere == {column.name for column in table.c}


def test_an_address_is_kept_as_it_was_written_and_in_lower_case():
    values = values_of_user(user(email="Ann@Example.ORG"))

    assert (values["email"], values["email_key"]) == ("Ann@Example.ORG", "ann@example.org")
