"""A person: signs up, proves an address, logs in, reads what is theirs, goes on and logs out."""

import re
import secrets
from dataclasses import dataclass, field

from plait.cli.exchange import Request, WalkFailed
from plait.cli.walk import Walk

IDENTITY = "shop.identity.v1.IdentityService"
ADMIN, USER, REFRESH = "TOKEN", "USER_TOKEN", "REFRESH_TOKEN"
"""Variables of the shell that the walk prints for; the first is set before it begins."""

_TOKEN = re.compile(r"[A-Za-z0-9._~-]{20,512}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Somebody new."""

    name: str
    email: str
    password: str = field(repr=False)


def sign_up(walk: Walk) -> Customer:
    """Create a user with an address that nobody had, and verify it by the mail that comes."""
    email = f"demo-{secrets.token_hex(4)}@example.org"
    password = secrets.token_urlsafe(12)
    body = {"email": email, "password": password, "displayName": "Demo"}
    request = Request(
        verb="POST", path="/v1/users", rpc=f"{IDENTITY}/SignUp", message=[body], body=body
    )
    created = walk.step("Sign up", request, expect=201).json
    walk.expect("the address", found=created.get("email"), wanted=email)
    walk.expect("whether it is verified", found=created.get("emailVerified", False), wanted=False)
    mail = walk.mail("Read the mail that came", email)
    body = {"token": token_in(mail["text"])}
    verified = walk.step(
        "Prove by its token that the address is yours",
        Request(
            verb="POST",
            path="/v1/users:verifyEmail",
            rpc=f"{IDENTITY}/VerifyEmail",
            message=[body],
            body=body,
        ),
    ).json
    walk.expect("whether it is verified", found=verified.get("emailVerified"), wanted=True)
    return Customer(name=created["name"], email=email, password=password)


def token_in(text: str) -> str:
    """Return the one-time token of a mail: the longest word that can be one.

    Raises:
        WalkFailed: there is none.
    """
    words: list[str] = _TOKEN.findall(text)
    if not words:
        raise WalkFailed(f"expected a token in the mail, found: {text!r}")
    return max(words, key=len)


def log_in(walk: Walk, customer: Customer) -> None:
    """Log in, after a failure with another password."""
    wrong = {"email": customer.email, "password": "not the password"}
    request = Request(
        verb="POST", path="/v1/sessions", rpc=f"{IDENTITY}/LogIn", message=[wrong], body=wrong
    )
    refused = walk.step("Log in with a wrong password", request, expect=401)
    walk.expect("the reason", found=refused.reason, wanted="WRONG_CREDENTIALS")
    body = {"email": customer.email, "password": customer.password}
    request = Request(
        verb="POST", path="/v1/sessions", rpc=f"{IDENTITY}/LogIn", message=[body], body=body
    )
    session = walk.step("Log in", request, expect=201).json
    walk.expect("who it is", found=session.get("user"), wanted=customer.name)
    walk.variables[USER] = session["accessToken"]
    walk.variables[REFRESH] = session["refreshToken"]
    walk.copy(f"{USER}=...     # the accessToken of the answer, and below")
    walk.copy(f"{REFRESH}=...  # its refreshToken; both are not shown here")


def read_oneself_and_nobody_else(walk: Walk, customer: Customer) -> None:
    """Read one's own data; be refused without a token, and everybody else's."""
    me = _get_user("users/me", USER)
    read = walk.step("Read yourself", me).json
    walk.expect("who it is", found=read.get("name"), wanted=customer.name)
    refused = walk.step("Nobody is nobody", _get_user("users/me", ""), expect=401)
    walk.expect("the reason", found=bool(refused.reason), wanted=True)
    admin = walk.silently(_get_user("users/me", ADMIN)).json["name"]
    refused = walk.step("Be refused what is another's", _get_user(admin, USER), expect=403)
    walk.expect("the reason", found=bool(refused.reason), wanted=True)
    read = walk.step("An administrator may read it", _get_user(customer.name, ADMIN)).json
    walk.expect("the address", found=read.get("email"), wanted=customer.email)


def go_on_and_log_out(walk: Walk) -> None:
    """Get new tokens for the old ones, log out, and find that the session has ended."""
    request = _refresh()
    session = walk.step("Go on with the session: new tokens for the old one", request).json
    walk.expect(
        "new tokens", found=session["refreshToken"] == walk.variables[REFRESH], wanted=False
    )
    walk.variables[USER] = session["accessToken"]
    walk.variables[REFRESH] = session["refreshToken"]
    walk.step("Read yourself with the new token", _get_user("users/me", USER))
    body = {"refreshToken": f"${REFRESH}"}
    walk.step(
        "Log out",
        Request(
            verb="POST",
            path="/v1/sessions:logOut",
            rpc=f"{IDENTITY}/LogOut",
            message=[body],
            body=body,
        ),
        expect=204,
    )
    refused = walk.step("The session has ended", request, expect=401)
    walk.expect("the reason", found=refused.reason, wanted="REFRESH_TOKEN_INVALID")


def _refresh() -> Request:
    body = {"refreshToken": f"${REFRESH}"}
    return Request(
        verb="POST",
        path="/v1/sessions:refresh",
        rpc=f"{IDENTITY}/RefreshSession",
        message=[body],
        body=body,
    )


def _get_user(name: str, by: str) -> Request:
    return Request(
        verb="GET", path=f"/v1/{name}", rpc=f"{IDENTITY}/GetUser", message=[{"name": name}], by=by
    )
