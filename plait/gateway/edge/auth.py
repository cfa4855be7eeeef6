"""Who asks: bearer tokens (RFC 6750), verified here before anything is called, and passed on."""

import re
from collections.abc import Mapping

from plait.api.v1 import options_pb2
from plait.errors import Code, Error
from plait.gateway.edge.http import Headers
from plait.gateway.errors import DOMAIN
from plait.mesh.access import permit
from plait.mesh.identity.identity import User
from plait.mesh.identity.tokens import TokenInvalid, TokenMissing, Verifier

_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*) *")
_UNQUOTED = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")  # RFC 6750 section 3, error_description


async def authenticate(
    headers: Mapping[str, str], access: options_pb2.Access | None, verifier: Verifier
) -> User | None:
    """Return who asks, None for nobody in particular; a token is verified wherever there is one.

    What the service would refuse for want of a token or a role is refused here already; whose
    things they are only the service knows.

    Raises:
        TokenMissing: the method wants to know who asks, and there is no token.
        TokenInvalid, TokenExpired: the token is not good, or something else than a bearer token.
        PermissionDenied: the user has none of the roles that may.
        KeysUnavailable: it cannot be known.
    """
    given = headers.get("authorization", "")
    try:
        user = await verifier.user(_token(given)) if given else None
        permit(access, user, None)
    except Error as error:
        error.domain = DOMAIN  # or the service would seem to be the one that is away
        raise
    return user


def challenge(error: Error) -> Headers:
    """Return WWW-Authenticate for an error that is answered 401 (RFC 6750 section 3)."""
    if error.code is not Code.UNAUTHENTICATED:
        return ()
    if error.reason == "TOKEN_MISSING" or isinstance(error, TokenMissing):
        return (("www-authenticate", "Bearer"),)
    said = _UNQUOTED.sub(" ", error.message)
    return (("www-authenticate", f'Bearer error="invalid_token", error_description="{said}"'),)


def _token(given: str) -> str:
    found = _BEARER.fullmatch(given)
    if found is None:
        raise TokenInvalid('the header Authorization is not of the form "Bearer <token>"')
    return found[1]
