"""protobuf <-> domain: identity's messages, translated and not judged."""

from plait.wire import time_to
from services.identity.audit import Event
from services.identity.domain import User
from services.identity.entrance import Admitted
from services.identity.keys import SigningKey
from shop.identity.v1 import identity_pb2 as pb


def user_to(user: User) -> pb.User:
    return pb.User(
        name=user.name,
        email=user.email,
        display_name=user.display_name,
        email_verified=user.email_verified,
        roles=user.roles,
        create_time=time_to(user.create_time),
        update_time=time_to(user.update_time),
        etag=user.etag,
    )


def session_to(admitted: Admitted) -> pb.Session:
    session = admitted.session
    return pb.Session(
        name=session.name,
        user=session.user,
        access_token=admitted.access_token,
        access_token_expire_time=time_to(admitted.access_token_expire_time),
        refresh_token=admitted.refresh_token,
        refresh_token_expire_time=time_to(session.expire_time),
        create_time=time_to(session.create_time),
    )


def jwk_to(key: SigningKey) -> pb.Jwk:
    return pb.Jwk(kty="OKP", crv="Ed25519", x=key.x, kid=key.kid, alg="Ed25519", use="sig")


def event_to(event: Event) -> pb.AuditEvent:
    return pb.AuditEvent(
        name=event.name,
        create_time=time_to(event.create_time),
        actor=event.actor,
        method=event.method,
        resource=event.resource,
        status=event.status,
        client_address=event.client_address,
        trace_id=event.trace_id,
    )
