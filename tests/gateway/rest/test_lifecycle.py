"""A method that goes away says so in headers."""

from dataclasses import replace
from datetime import date

from plait.gateway.exposure import Deprecation
from plait.gateway.rest.lifecycle import lifecycle


def method(library, name: str, **changes):
    (found,) = [each for each in library.methods if each.rpc.name == name]
    return replace(found, **changes)


def test_a_method_that_stays_says_nothing(library):
    assert lifecycle(method(library, "GetBook")) == ()


def test_the_dates_are_written_as_their_rfcs_say(library):
    assert lifecycle(method(library, "SearchBooks")) == (
        ("deprecation", "@1767225600"),
        ("sunset", "Fri, 01 Jan 2027 00:00:00 GMT"),
    )


def test_a_link_leads_to_what_to_use_instead(library):
    deprecation = Deprecation(since=date(2026, 1, 31), use_instead="https://api.test/v2")

    assert lifecycle(method(library, "GetBook", deprecation=deprecation)) == (
        ("deprecation", "@1769817600"),
        ("link", '<https://api.test/v2>; rel="successor-version"'),
    )
