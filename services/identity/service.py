"""One method per RPC of identity: from the wire to the entrance and the store, and back."""

from collections.abc import Callable
from functools import partial

from google.protobuf.empty_pb2 import Empty

from plait.clock import Clock
from plait.data.filter import parse_filter
from plait.data.order import By, parse_order, types_of
from plait.data.pagination import page_token, position, query_of
from plait.idempotency import claim_of
from plait.ids import NewId
from plait.mesh.access import ME
from plait.mesh.call import Call, current
from plait.mesh.interceptors.audit import act
from plait.mesh.origin import caller_address
from services.identity import filter as fields
from services.identity import wire
from services.identity.audit import Event, event
from services.identity.domain import User, page_size
from services.identity.entrance import Caller, Entrance
from services.identity.keys import SigningKey, State, known
from services.identity.store import Query, Store
from shop.identity.v1 import identity_pb2 as pb
from shop.identity.v1 import identity_pb2_grpc

LATEST = (By("create_time", descending=True), By("name", descending=True))

NewKey = Callable[[State], SigningKey]
"""Makes a key that signs."""


class IdentityService(identity_pb2_grpc.IdentityServiceServicer):
    """The contract's servicer; what may fail and how is written there."""

    def __init__(
        self, store: Store, entrance: Entrance, *, clock: Clock, new_id: NewId, new_key: NewKey
    ) -> None:
        self._store = store
        self._entrance = entrance
        self._clock = clock
        self._new_id = new_id
        self._new_key = new_key

    async def SignUp(self, request: pb.SignUpRequest, context: object) -> pb.User:
        answer = await self._entrance.sign_up(
            request.email,
            request.password,
            request.display_name,
            claim=claim_of(request),
            answer=lambda user: wire.user_to(user).SerializeToString(),
            caller=_caller(),
        )
        return pb.User.FromString(answer)

    async def LogIn(self, request: pb.LogInRequest, context: object) -> pb.Session:
        admitted = await self._entrance.log_in(request.email, request.password, _caller())
        return wire.session_to(admitted)

    async def RefreshSession(
        self, request: pb.RefreshSessionRequest, context: object
    ) -> pb.Session:
        return wire.session_to(await self._entrance.refresh(request.refresh_token, _caller()))

    async def LogOut(self, request: pb.LogOutRequest, context: object) -> Empty:
        await self._entrance.log_out(request.refresh_token, everywhere=request.everywhere)
        return Empty()

    async def GetUser(self, request: pb.GetUserRequest, context: object) -> pb.User:
        return wire.user_to(await self._store.users.get(request.name))

    async def UpdateUser(self, request: pb.UpdateUserRequest, context: object) -> pb.User:
        said, now = request.user, self._clock.now()
        change = partial(
            User.change,
            display_name=said.display_name,
            etag=said.etag,
            paths=request.update_mask.paths,
            now=now,
        )
        own = said.name == _own_name()
        done = None if own else self._event(said.name)
        return wire.user_to(await self._store.users.change(said.name, change, done))

    async def VerifyEmail(self, request: pb.VerifyEmailRequest, context: object) -> pb.User:
        return wire.user_to(await self._entrance.verify_email(request.token))

    async def RequestPasswordReset(
        self, request: pb.RequestPasswordResetRequest, context: object
    ) -> Empty:
        await self._entrance.request_reset(request.email, _caller())
        return Empty()

    async def ResetPassword(self, request: pb.ResetPasswordRequest, context: object) -> Empty:
        await self._entrance.reset_password(request.token, request.new_password, _caller())
        return Empty()

    async def ListUsers(
        self, request: pb.ListUsersRequest, context: object
    ) -> pb.ListUsersResponse:
        order, asked = parse_order(request.order_by, fields.USER_ORDERS), query_of(request)
        kinds = types_of(order, fields.USER_ORDERS)
        page = await self._store.users.page(
            Query(
                filter=parse_filter(request.filter, fields.USERS),
                order=order,
                limit=page_size(request.page_size),
                after=position(request.page_token, asked, kinds) if request.page_token else None,
            )
        )
        return pb.ListUsersResponse(
            users=map(wire.user_to, page.things),
            next_page_token=page_token(page.next, asked) if page.next else "",
        )

    async def GrantRole(self, request: pb.GrantRoleRequest, context: object) -> pb.User:
        name, now = _named(request.name), self._clock.now()
        user = await self._store.users.change(
            name, lambda found: found.grant(request.role, now=now), self._event(name)
        )
        return wire.user_to(user)

    async def RevokeRole(self, request: pb.RevokeRoleRequest, context: object) -> pb.User:
        name, now = _named(request.name), self._clock.now()
        user = await self._store.users.demote(
            name,
            lambda found, is_only: found.revoke(request.role, is_last_admin=is_only, now=now),
            self._event(name),
        )
        return wire.user_to(user)

    async def GetJwks(self, request: pb.GetJwksRequest, context: object) -> pb.GetJwksResponse:
        keys = known(await self._store.keys.all(), self._clock.now())
        return pb.GetJwksResponse(keys=map(wire.jwk_to, keys))

    async def RotateKeys(
        self, request: pb.RotateKeysRequest, context: object
    ) -> pb.RotateKeysResponse:
        following = self._new_key(State.NEXT)

        def answer(kid: str) -> bytes:
            made = pb.RotateKeysResponse(signing_kid=kid, next_kid=following.kid)
            return made.SerializeToString()

        said = await self._store.keys.rotate(
            following, claim_of(request), self._event(""), answer, self._clock.now()
        )
        return pb.RotateKeysResponse.FromString(said)

    async def ListAuditEvents(
        self, request: pb.ListAuditEventsRequest, context: object
    ) -> pb.ListAuditEventsResponse:
        asked, kinds = query_of(request), (int, str)
        page = await self._store.events.page(
            Query(
                filter=parse_filter(request.filter, fields.EVENTS),
                order=LATEST,
                limit=page_size(request.page_size),
                after=position(request.page_token, asked, kinds) if request.page_token else None,
            )
        )
        return pb.ListAuditEventsResponse(
            audit_events=map(wire.event_to, page.things),
            next_page_token=page_token(page.next, asked) if page.next else "",
        )

    def _event(self, resource: str) -> Event:
        return event(act(_call(), resource), self._new_id(), self._clock.now())


def _call() -> Call:
    call = current()
    assert call is not None, "a servicer's method runs inside of a call"
    return call


def _caller() -> Caller:
    call = _call()
    return Caller(address=caller_address(call), act=act(call, ""))


def _own_name() -> str:
    user = _call().user
    return user.name if user else ""


def _named(name: str) -> str:
    """Return the name that is meant; `users/me` stands for the caller."""
    return _own_name() if name == ME else name
