"""Promises of the table: it covers the contracts, and a mistake in either shows both."""

import pytest

from tests.authorization.answers import ANSWERS, anyone, contradictions, owner_or, role
from tests.authorization.contracts import METHODS


def test_the_house_and_the_contracts_say_the_same():
    assert contradictions(ANSWERS, METHODS) == []


def test_a_method_without_a_line_is_found():
    name = "shop.orders.v1.OrdersService/GetOrder"
    less = {method: rule for method, rule in ANSWERS.items() if method != name}

    (said,) = contradictions(less, METHODS)

    assert said.startswith(f"{name}: the contract says owner_or('admin'); there is no line")


def test_a_line_without_a_method_is_found():
    more = {**ANSWERS, "shop.orders.v1.OrdersService/Steal": anyone()}

    assert contradictions(more, METHODS) == [
        "shop.orders.v1.OrdersService/Steal: no contract has it"
    ]


@pytest.mark.parametrize("line", [anyone(), role("admin"), owner_or("agent"), owner_or()])
def test_a_line_that_contradicts_its_contract_is_shown_with_it(line):
    name = "shop.orders.v1.OrdersService/GetOrder"

    assert contradictions({**ANSWERS, name: line}, METHODS) == [
        f"{name}: the line here says {line}, the contract says owner_or('admin')"
    ]
