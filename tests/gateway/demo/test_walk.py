"""The demo finds nothing wrong where nothing is, and everything that is."""

import io
import json

import pytest
from rich.console import Console

from gateway.demo.people import ADMIN, token_in
from gateway.demo.products import png
from gateway.demo.walk import walk as demo
from plait.cli.exchange import WalkFailed
from plait.cli.walk import Walk
from tests.gateway.demo import shop as fake


@pytest.fixture
def shop():
    return fake.Shop()


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=500)


@pytest.fixture
def walk(shop, console):
    with fake.serving(shop) as address:
        targets = {
            f"shop.{name}.v1.{name.title()}Service": f"{name}:1"
            for name in ("identity", "catalog", "inventory")
        }
        made = Walk(console, gateway=address, targets=targets, page=address)
        made.variables[ADMIN] = fake.ADMIN
        yield made


def test_a_shop_that_is_right_is_walked_through_and_left_as_it_was(walk, shop, console):
    before = json.dumps([shop.products, shop.on_hand])

    demo(walk)

    assert json.dumps([shop.products, shop.on_hand]) == before
    assert len(shop.users) == 1
    assert shop.refreshes == {}
    lines = console.file.getvalue().splitlines()
    steps = [line for line in lines if line[:1].isdigit()]
    curls = [line for line in lines if line.startswith(("curl ", "echo "))]
    assert len(steps) == len(curls) >= 25
    assert sum(line.startswith("grpcurl ") for line in lines) == len(steps) - 1  # not of the mail
    assert sum("/traces/" in line for line in lines) == len(steps) - 1


def test_no_token_and_no_shell_without_quotes_is_shown(walk, shop, console):
    demo(walk)

    said = console.file.getvalue()
    assert not [token for token in shop.tokens if token in said]
    assert "$USER_TOKEN" in said
    assert """'{"refreshToken": "'"$REFRESH_TOKEN"'"}'""" in said
    for target in ("identity:1", "catalog:1", "inventory:1"):
        assert f" {target} shop." in said


def answering(what: str, status: int, body: object, *, count: int = 1):
    """Spoil the answer to that request: the count-th that comes."""
    left = [count]

    def spoil(asked: str, answer: fake.Answer) -> fake.Answer:
        if asked != what:
            return answer
        left[0] -= 1
        return answer if left[0] else (status, body)

    return spoil


OTHER = {"name": "users/other", "email": "other@x"}
SESSION = {"user": "users/other", "accessToken": "a", "refreshToken": "r"}
STOCK = {"stock": {"onHand": "1000"}}


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (
            answering("POST /v1/users", 200, {}),
            r"1 \(Sign up\): expected the status 201, found 200",
        ),
        (answering("POST /v1/users", 201, OTHER), "the address: expected 'demo-"),
        (answering("GET /api/mail/latest", 404, {}), r"\(Read the mail that came\): found no mail"),
        (answering("POST /v1/users:verifyEmail", 200, {}), "whether it is verified: expected True"),
        (answering("POST /v1/sessions", 201, {}), "wrong password.*expected the status 401"),
        (answering("POST /v1/sessions", 201, SESSION, count=2), "who it is: expected 'users/u1'"),
        (answering("GET /v1/users/me", 200, OTHER), "who it is: expected 'users/u1'"),
        (answering("GET /v1/users/me", 200, OTHER, count=2), "expected the status 401, found 200"),
        (answering("GET /v1/users/admin", 200, OTHER), "another's.*expected the status 403, found"),
        (answering("GET /v1/users/u1", 200, OTHER), "the address: expected 'demo-"),
        (answering("GET /v1/products:search", 200, {}), "that it is found: expected True"),
        (answering("GET /v1/stock:watch", 200, STOCK), "the stock: expected 7, found 1000"),
        (answering("GET /v1/stock:watch", 200, STOCK, count=2), "the stock: expected 8, found"),
        (answering("GET /v1/stock:watch", 500, {}, count=3), "found the end of the stream"),
        (answering("POST /v1/products", 201, {}), "Nobody but an admin creates .* status 401"),
        (answering("GET /v1/products", 200, {}, count=2), r"the names: expected \['products/made-"),
        (answering("POST /v1/products:import", 200, {}), "created: expected 2, found 0"),
        (answering("GET /v1/products:export", 200, b""), "the skus: expected"),
        (answering("POST /v1/sessions:refresh", 200, SESSION, count=2), "status 401, found 200"),
        (answering("POST /v1/sessions:logOut", 200, {}), "Log out.*expected the status 204"),
    ],
)
def test_what_is_wrong_is_found(walk, shop, spoil, found):
    products = len(shop.products)
    shop.spoil = spoil

    with pytest.raises(WalkFailed, match=found):
        demo(walk)

    shop.spoil = lambda _, answer: answer
    assert len(shop.products) == products  # also then it is tidied up


def test_a_picture_that_is_another_is_found(walk, shop):
    shop.spoil = lambda asked, answer: (
        (200, b"x") if asked.startswith("GET") and asked.endswith("/picture") else answer
    )

    with pytest.raises(WalkFailed, match="the bytes: expected"):
        demo(walk)

    assert png()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    "text",
    [
        "Hello,\n\n  t0ken_-.~4567890123456\n",
        'curl 127.0.0.1:8080/v1/users:verifyEmail -d \'{"token": "t0ken_-.~4567890123456"}\'',
        "your token is t0ken_-.~4567890123456",
    ],
)
def test_the_token_of_a_mail_is_its_longest_word(text):
    assert token_in(text) == "t0ken_-.~4567890123456"


def test_a_mail_without_a_token_is_told():
    with pytest.raises(WalkFailed, match="expected a token in the mail, found: 'Hello'"):
        token_in("Hello")
