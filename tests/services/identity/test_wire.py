"""From the domain to the wire."""

import protovalidate

from plait.wire import time_to
from services.identity import wire
from services.identity.entrance import Admitted
from services.identity.sessions import Session
from shop.identity.v1 import identity_pb2 as pb
from tests.services.identity.people import NOW, an_event, days, minutes, signing_key, user


def test_a_user_is_told_whole():
    who = user(display_name="Ann", email_verified=True, roles=("admin",), update_time=NOW + days(1))

    told = wire.user_to(who)

    assert told == pb.User(
        name="users/ann",
        email="ann@example.org",
        display_name="Ann",
        email_verified=True,
        roles=["admin"],
        create_time=time_to(NOW),
        update_time=time_to(NOW + days(1)),
        etag=who.etag,
    )
    protovalidate.validate(told)


def test_a_session_is_told_with_its_tokens():
    session = Session(
        name="sessions/s1", user="users/ann", create_time=NOW, expire_time=NOW + days(30)
    )

    told = wire.session_to(
        Admitted(
            session=session,
            access_token="access",
            access_token_expire_time=NOW + minutes(15),
            refresh_token="refresh",
        )
    )

    assert told == pb.Session(
        name="sessions/s1",
        user="users/ann",
        access_token="access",
        access_token_expire_time=time_to(NOW + minutes(15)),
        refresh_token="refresh",
        refresh_token_expire_time=time_to(NOW + days(30)),
        create_time=time_to(NOW),
    )
    protovalidate.validate(told)


def test_a_key_is_told_by_its_public_part_in_the_words_of_the_standards():
    key = signing_key()

    told = wire.jwk_to(key)

    assert told == pb.Jwk(kty="OKP", crv="Ed25519", x=key.x, kid=key.kid, alg="Ed25519", use="sig")
    protovalidate.validate(told)


def test_an_event_is_told_whole():
    told = wire.event_to(an_event(trace_id="0af7651916cd43dd8448eb211c80319c"))

    assert told == pb.AuditEvent(
        name="auditEvents/e1",
        create_time=time_to(NOW),
        actor="users/boss",
        method="shop.identity.v1.IdentityService/GrantRole",
        resource="users/ann",
        status="OK",
        client_address="203.0.113.7",
        trace_id="0af7651916cd43dd8448eb211c80319c",
    )
    protovalidate.validate(told)


def test_no_message_has_a_field_that_is_never_filled():
    filled = {
        "User": wire.user_to(user(display_name="a", email_verified=True, roles=("admin",))),
        "Jwk": wire.jwk_to(signing_key()),
        "AuditEvent": wire.event_to(an_event(trace_id="0" * 32)),
    }

    for name, message in filled.items():
        declared = {field.name for field in pb.DESCRIPTOR.message_types_by_name[name].fields}
        assert {field.name for field, _ in message.ListFields()} == declared
