"""Tokens as an attacker would make them; the claims are those of a token that would be believed."""

import base64
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from joserfc.jwk import ECKey, OKPKey
from joserfc.jws import JWSRegistry, serialize_compact

from plait.mesh.identity.tokens import LEEWAY, MAX_ROLES, MAX_TOKEN

MARK = "mallory7f3a"  # is in every forged token, and nowhere else
INVALID, EXPIRED = "TOKEN_INVALID", "TOKEN_EXPIRED"
_EVIL = "https://evil.example/keys"

Claims = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Forged:
    """A token that must not be believed, and the reason that its bearer hears."""

    name: str
    token: str
    reason: str = INVALID

    def __str__(self) -> str:
        return self.name


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(header: Any, claims: Any) -> str:
    """The signing input of a JWS: header and payload, each base64url."""
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"


def signed(key: OKPKey, claims: Any, **header: Any) -> str:
    """A token well signed, whatever its header says beside."""
    text = unsigned({"alg": "Ed25519", "kid": key.kid, **header}, claims)
    return f"{text}.{b64(key.get_op_key('sign').sign(text.encode()))}"


def of_size(key: OKPKey, claims: Claims, size: int) -> str:
    """A good token of exactly this many bytes."""
    for more in range(4):  # base64 grows in steps, so the header fills what is left
        for pad in range(size):
            token = signed(key, {**claims, "pad": "x" * pad}, typ="J" * (more + 1))
            if len(token) == size:
                return token
            if len(token) > size:
                break
    raise AssertionError(f"there is no token of {size} bytes")


def forgeries(key: OKPKey, claims: Claims, now: int) -> Iterator[Forged]:
    """Yield everything that looks like a token of `claims` and is none.

    Args:
        key: the issuer's own, with its private half: what it signs here it would never sign.
        claims: they would be believed.
        now: seconds since 1970.
    """
    yield from _algorithms(key, claims)
    yield from _keys(key, claims)
    yield from _headers(key, claims)
    yield from _changed(key, claims, now)
    yield from _shapes(signed(key, claims))
    size = MAX_TOKEN + 1
    yield Forged(name=f"{size} bytes", token=of_size(key, claims, size))


def _algorithms(key: OKPKey, claims: Claims) -> Iterator[Forged]:
    for name in ("none", "None", "NONE", "nOnE", ""):
        text = unsigned({"alg": name, "kid": key.kid}, claims)
        yield Forged(name=f"alg {name!r} without a signature", token=f"{text}.")
        yield Forged(name=f"alg {name!r} with a signature", token=f"{text}.{b64(b'x' * 64)}")
    good = signed(key, claims).rpartition(".")[2]
    for name in ("EdDSA", "ES256", "RS256", "PS256", "HS256", "ed25519"):
        text = unsigned({"alg": name, "kid": key.kid}, claims)
        yield Forged(name=f"alg {name} with another's signature", token=f"{text}.{good}")
    text = unsigned({"alg": "EdDSA", "kid": key.kid}, claims)
    own = b64(key.get_op_key("sign").sign(text.encode()))
    yield Forged(name="alg EdDSA, well signed", token=f"{text}.{own}")
    public = key.as_dict(private=False)
    secrets = {
        "PEM": key.as_pem(private=False),
        "JWK": json.dumps(public).encode(),
        "raw": base64.urlsafe_b64decode(f"{public['x']}="),
        "base64": public["x"].encode(),
        "empty": b"",
    }
    text = unsigned({"alg": "HS256", "kid": key.kid}, claims)
    for name, secret in secrets.items():
        mac = hmac.digest(secret, text.encode(), "sha256")
        yield Forged(
            name=f"HS256 with the public key as secret ({name})", token=f"{text}.{b64(mac)}"
        )


def _keys(key: OKPKey, claims: Claims) -> Iterator[Forged]:
    stranger = OKPKey.generate_key("Ed25519", auto_kid=True)
    pretender = OKPKey.generate_key("Ed25519", {"kid": key.kid})
    yield Forged(name="an unknown key", token=signed(stranger, claims))
    yield Forged(name="another key with the known id", token=signed(pretender, claims))
    curve = ECKey.generate_key("P-256", {"kid": key.kid})
    yield Forged(
        name="ES256 with another key and the known id",
        token=serialize_compact(
            {"alg": "ES256", "kid": key.kid},
            json.dumps(claims).encode(),
            curve,
            registry=JWSRegistry(algorithms=["ES256"]),
        ),
    )
    injected = {
        "a path": "../../../etc/passwd",
        "an absolute path": "/dev/null",
        "SQL": f"{key.kid}' OR '1'='1",
        "a URL": _EVIL,
        "a shell": "$(id)",
        "a NUL": f"{key.kid}\x00",
        "a space": f" {key.kid}",
        "very long": "k" * 2000,
        "empty": "",
        "a number": 7,
        "a truth": True,
        "null": None,
        "a list": [key.kid],
        "an object": {"kid": key.kid},
    }
    for name, kid in injected.items():
        yield Forged(name=f"kid is {name}", token=signed(key, claims, kid=kid))
    text = unsigned({"alg": "Ed25519"}, claims)
    own = b64(key.get_op_key("sign").sign(text.encode()))
    yield Forged(name="no kid", token=f"{text}.{own}")


def _headers(key: OKPKey, claims: Claims) -> Iterator[Forged]:
    mine = OKPKey.generate_key("Ed25519", auto_kid=True)
    brought = {
        "jwk": {"jwk": mine.as_dict(private=False)},
        "jku": {"jku": _EVIL},
        "x5u": {"x5u": _EVIL},
        "x5c": {"x5c": ["MIIB"]},
    }
    for name, header in brought.items():
        yield Forged(name=f"{name} of one's own", token=signed(mine, claims, **header))
        yield Forged(
            name=f"{name} of one's own, known id", token=signed(mine, claims, kid=key.kid, **header)
        )
    for crit in (["b64"], ["exp"], ["unknown"], [], "b64"):
        header = {"crit": crit, "b64": True, "unknown": 1}
        yield Forged(name=f"crit {crit}", token=signed(key, claims, **header))


def _changed(key: OKPKey, claims: Claims, now: int) -> Iterator[Forged]:
    head, _, signature = signed(key, claims).split(".")
    more = b64(json.dumps({**claims, "roles": ["admin"], "jti": "2"}).encode())
    yield Forged(name="claims under another's signature", token=f"{head}.{more}.{signature}")
    over = int(LEEWAY) + 1
    changes: dict[str, tuple[Claims, str]] = {
        "another audience": ({"aud": "bank"}, INVALID),
        "no audience of a list": ({"aud": []}, INVALID),
        "another issuer": ({"iss": f"{claims['iss']}/"}, INVALID),
        "expired": ({"iat": now - 900, "exp": now - over}, EXPIRED),
        "from the future": ({"iat": now + over + 60}, INVALID),
        "not valid yet": ({"nbf": now + over + 60}, INVALID),
        "never expires": ({"exp": None}, INVALID),
        "expires at infinity": ({"exp": float("inf")}, INVALID),
        "expires at a text": ({"exp": "2099"}, INVALID),
        "a subject of another kind": ({"sub": "admins/mallory"}, INVALID),
        "a subject that climbs": ({"sub": f"{claims['sub']}/../boss"}, INVALID),
        "a subject with a line break": ({"sub": f"{claims['sub']}\n"}, INVALID),
        "a subject in capitals": ({"sub": claims["sub"].upper()}, INVALID),
        "no subject": ({"sub": None}, INVALID),
        "roles that are a text": ({"roles": "admin"}, INVALID),
        "roles that are an object": ({"roles": {"admin": True}}, INVALID),
        "roles that are numbers": ({"roles": [1]}, INVALID),
        "a role too many": ({"roles": [f"r{n}" for n in range(MAX_ROLES + 1)]}, INVALID),
    }
    for name, (change, reason) in changes.items():
        yield Forged(name=name, token=signed(key, {**claims, **change}), reason=reason)
    for payload in ([], "text", 7, None):
        yield Forged(name=f"claims {payload!r}", token=signed(key, payload))


def _shapes(good: str) -> Iterator[Forged]:
    head, payload, signature = good.split(".")
    shapes = {
        "without its last character": good[:-1],
        "without half of its signature": good[: -len(signature) // 2],
        "without a signature": f"{head}.{payload}",
        "with an empty signature": f"{head}.{payload}.",
        "without a header": f".{payload}.{signature}",
        "with a segment more": f"{good}.{signature}",
        "with two segments more, as a JWE": f"{good}.{payload}.{signature}",
        "with its header twice": f"{head}.{good}",
        "the header alone": head,
        "padded": f"{head}==.{payload}.{signature}",
        "in another alphabet": f"{head}.{payload}.{signature[:-4]}++//",
        "a word": MARK,
    }
    for name, token in shapes.items():
        yield Forged(name=name, token=token)
