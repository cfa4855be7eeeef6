"""People at the running shop's door, as they come: by HTTP, through the gateway."""

import json
import secrets
import urllib.request
import uuid
from urllib.error import HTTPError

import pytest

GOOD = "violin ladder sixty"


@pytest.fixture
def who():
    """An address that nobody else in these tests has."""
    return f"u{secrets.token_hex(8)}@example.org"


@pytest.fixture
def ask(shop):
    """Ask the shop something; returns the status, the headers and what the body says."""

    def answer(verb, path, body=None, headers=None):
        request = urllib.request.Request(
            shop.url(path),
            method=verb,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as got:
                content = got.read()
                return got.status, got.headers, json.loads(content) if content else {}
        except HTTPError as error:
            with error:
                return error.status, error.headers, json.loads(error.read())

    return answer


def reason(body):
    return body["error"]["details"][0]["reason"]


def credentials(email, password=GOOD):
    return {"email": email, "password": password}


def test_somebody_signs_up_logs_in_goes_on_and_logs_out(ask, who):
    status, headers, user = ask("POST", "/v1/users", credentials(who))
    assert (status, headers["Location"]) == (201, f"/v1/{user['name']}")
    assert user["email"] == who

    status, headers, session = ask("POST", "/v1/sessions", credentials(who))
    assert (status, headers["Location"]) == (201, f"/v1/{session['name']}")

    token = {"refreshToken": session["refreshToken"]}
    status, _, following = ask("POST", "/v1/sessions:refresh", token)
    assert (status, following["name"]) == (200, session["name"])

    status, _, body = ask("POST", "/v1/sessions:refresh", token)
    assert (status, reason(body)) == (401, "REFRESH_TOKEN_REUSED")

    ended = {"refreshToken": following["refreshToken"], "everywhere": True}
    assert ask("POST", "/v1/sessions:logOut", ended)[0] == 204


def test_a_repeated_sign_up_is_answered_as_the_first_time(ask, who):
    request = credentials(who) | {"requestId": str(uuid.uuid4())}

    first = ask("POST", "/v1/users", request)[2]
    again = ask("POST", "/v1/users", request)
    without = ask("POST", "/v1/users", credentials(who))

    assert (again[0], again[2]) == (201, first)
    assert (without[0], reason(without[2])) == (409, "EMAIL_TAKEN")


def test_nobody_is_told_whether_there_is_an_account(ask, who):
    ask("POST", "/v1/users", credentials(who))

    wrong = ask("POST", "/v1/sessions", credentials(who, "another password"))
    unknown = ask("POST", "/v1/sessions", credentials(f"x{who}", "another password"))

    assert (wrong[0], wrong[2]) == (unknown[0], unknown[2])
    assert (wrong[0], reason(wrong[2])) == (401, "WRONG_CREDENTIALS")
    for email in (who, f"x{who}"):
        assert ask("POST", "/v1/users:requestPasswordReset", {"email": email})[0] == 204


def test_who_fails_too_often_is_told_when_to_come_back(ask, who):
    for _ in range(5):
        assert ask("POST", "/v1/sessions", credentials(who, "another password"))[0] == 401

    status, headers, body = ask("POST", "/v1/sessions", credentials(who, "another password"))

    assert (status, reason(body)) == (429, "TOO_MANY_ATTEMPTS")
    assert 0 < int(headers["Retry-After"]) <= 30


def test_the_keys_are_where_everybody_looks_for_them(ask):
    status, _, body = ask("GET", "/.well-known/jwks.json")

    assert status == 200
    assert {key["kty"] for key in body["keys"]} == {"OKP"}
    assert {key["alg"] for key in body["keys"]} == {"Ed25519"}
    assert len(body["keys"]) >= 2


def test_what_an_admin_does_is_kept_with_the_address_that_the_gateway_saw(ask, shop, who):
    user = ask("POST", "/v1/users", credentials(who))[2]
    ask("POST", f"/v1/{user['name']}:grantRole", {"role": "agent"}, shop.admin())

    found = ask(
        "GET", f"/v1/auditEvents?filter=resource%3D%22{user['name']}%22", None, shop.admin()
    )

    [event] = found[2]["auditEvents"]
    assert (event["status"], event["clientAddress"]) == ("OK", "127.0.0.1")
    assert event["method"] == "shop.identity.v1.IdentityService/GrantRole"
    assert event["traceId"]


def test_nobody_sees_users_but_admins(ask, shop):
    assert ask("GET", "/v1/users")[0] == 401
    assert ask("GET", "/v1/users?pageSize=1", None, shop.admin())[0] == 200
    assert ask("GET", "/v1/users/me")[0] == 401
