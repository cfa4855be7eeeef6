"""Who calls, and may they: tokens verified, the contract's `access` option enforced (server)."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from plait.mesh.access import check_owner, may_act_for_others, owner_path, permit, replace_me
from plait.mesh.call import Call, Interceptor
from plait.mesh.identity.identity import User
from plait.mesh.identity.tokens import TokenInvalid, Verifier
from plait.mesh.metadata import AUTHORIZATION, WORKLOAD


def authorize(verifier: Verifier) -> Interceptor:
    """Return the interceptor that sets `call.user` and `call.workload` and refuses the others.

    A token that is shown must be good, even where none is needed, and there must be no second one:
    who reads the first and who reads the last would see two callers. Where the contract names an
    owner in the request, each request message is checked before the handler sees it, and `users/me`
    is replaced by the caller's name; where it names one in the response, each is checked before it
    is sent.

    Refuses with UNAUTHENTICATED (TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED), PERMISSION_DENIED
    (ROLE_MISSING, NOT_OWNER, WORKLOAD_NOT_ALLOWED), or UNAVAILABLE (KEYS_UNAVAILABLE).
    """

    @asynccontextmanager
    async def around(call: Call) -> AsyncGenerator[None]:
        bearer, proof = _shown(call, AUTHORIZATION), _shown(call, WORKLOAD)
        if bearer:
            call.user = await verifier.user(_token(bearer))
        if proof:
            call.workload = await verifier.workload(proof)
        permit(call.method.access, call.user, call.workload)
        if call.user is not None:
            _watch(call, call.user)
        yield

    return around


def _watch(call: Call, user: User) -> None:
    access = call.method.access
    if access is None:
        return
    asked, answered = owner_path(access, "request"), owner_path(access, "response")
    if asked:
        call.receive.append(partial(replace_me, path=asked, user=user))
    if may_act_for_others(access, user):
        return
    if asked:
        call.receive.append(partial(check_owner, path=asked, user=user))
    if answered:
        call.send.append(partial(check_owner, path=answered, user=user))


def _shown(call: Call, name: str) -> str:
    found = [str(value) for key, value in call.metadata if key == name]
    if len(found) > 1:
        raise TokenInvalid(f"the metadata `{name}` came {len(found)} times; expected it once")
    return found[0] if found else ""


def _token(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise TokenInvalid("the metadata `authorization` is not of the form `Bearer <token>`")
    return token.strip()
