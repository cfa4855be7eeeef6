"""The rules of users."""

from dataclasses import replace

import pytest

from plait.errors import Code
from services.identity.domain import (
    ACCESS_LIFE,
    REFRESH_LIFE,
    RESET_LIFE,
    ROLES,
    VERIFY_LIFE,
    EtagMismatch,
    InvalidUpdateMask,
    LastAdmin,
    email_key,
    page_size,
)
from tests.services.identity.people import NOW, days, minutes, user

LATER = NOW + minutes(1)


def changed(who, display_name="Ann", etag="", paths=("display_name",)):
    return who.change(display_name=display_name, etag=etag, paths=paths, now=LATER)


def test_proofs_last_as_long_as_the_contract_says():
    assert (minutes(15), days(1), minutes(60)) == (ACCESS_LIFE, VERIFY_LIFE, RESET_LIFE)
    assert days(30) == REFRESH_LIFE


@pytest.mark.parametrize("email", ["Ann@Example.ORG", "ann@example.org", "ANN@EXAMPLE.ORG"])
def test_addresses_that_differ_in_case_alone_are_one(email):
    assert email_key(email) == "ann@example.org"


# Changing


def test_a_change_makes_a_new_revision():
    after = changed(user())

    assert after == replace(user(), display_name="Ann", update_time=LATER, revision=2)


@pytest.mark.parametrize(
    ("paths", "said", "found"),
    [
        ((), "Bea", "Bea"),
        ((), "", "Ann"),
        (("display_name",), "", ""),
        (("*",), "", ""),
        (("*",), "Bea", "Bea"),
        (("email", "roles", "name"), "Bea", "Ann"),
        (("email", "display_name"), "Bea", "Bea"),
    ],
)
def test_a_mask_says_whether_the_name_changes(paths, said, found):
    assert changed(user(display_name="Ann"), said, paths=paths).display_name == found


def test_a_change_to_what_is_there_already_is_none():
    who = user(display_name="Ann")

    assert changed(who) is who


@pytest.mark.parametrize("path", ["password", "display_name.x", "", "Email"])
def test_a_mask_that_names_no_field_of_a_user_is_refused(path):
    with pytest.raises(InvalidUpdateMask, match="expected fields of a user") as refused:
        changed(user(), paths=["display_name", path])

    assert refused.value.violations[0].field == "update_mask"


def test_the_etag_that_was_read_lets_the_change_pass():
    who = user()

    assert changed(who, etag=who.etag).display_name == "Ann"


def test_an_older_etag_does_not():
    before = user()
    after = changed(before)

    with pytest.raises(EtagMismatch) as refused:
        changed(after, "Bea", etag=before.etag)

    assert refused.value.code is Code.ABORTED
    assert (refused.value.reason, refused.value.resource) == ("ETAG_MISMATCH", "users/ann")


def test_every_revision_has_an_etag_of_its_own_also_in_a_restored_database():
    who = user()
    others = [
        replace(who, revision=2),
        replace(who, update_time=LATER),
        replace(who, name="users/bea"),
    ]

    assert len({who.etag, *(other.etag for other in others)}) == 4
    assert len(who.etag) == 20


# Roles


def test_there_are_two_roles():
    assert ROLES == ("admin", "agent")


def test_roles_are_granted_once_and_kept_in_order():
    agent = user().grant("agent", now=LATER)
    both = agent.grant("admin", now=LATER)

    assert (agent.roles, agent.is_admin) == (("agent",), False)
    assert (both.roles, both.is_admin) == (("admin", "agent"), True)
    assert both.grant("agent", now=LATER) is both
    assert both.revision == 3


def test_a_role_is_revoked_alone():
    both = user(roles=("admin", "agent"))

    assert both.revoke("admin", is_last_admin=False, now=LATER).roles == ("agent",)
    assert both.revoke("agent", is_last_admin=True, now=LATER).roles == ("admin",)


def test_to_revoke_what_nobody_has_is_no_change():
    who = user(roles=("agent",))

    assert who.revoke("admin", is_last_admin=False, now=LATER) is who


def test_the_last_admin_stays_one():
    with pytest.raises(LastAdmin) as refused:
        user(roles=("admin",)).revoke("admin", is_last_admin=True, now=LATER)

    assert refused.value.code is Code.FAILED_PRECONDITION
    assert (refused.value.reason, refused.value.resource) == ("LAST_ADMIN", "users/ann")


def test_an_address_is_verified_once():
    who = user().verify(now=LATER)

    assert (who.email_verified, who.update_time, who.revision) == (True, LATER, 2)
    assert who.verify(now=LATER + minutes(1)) is who


@pytest.mark.parametrize(
    ("asked", "size"), [(0, 50), (1, 1), (50, 50), (999, 999), (1000, 1000), (1001, 1000)]
)
def test_a_page_has_fifty_things_and_never_more_than_a_thousand(asked, size):
    assert page_size(asked) == size
