"""Identity as a process of its own: how it starts, refuses to start, dies and ends."""

import asyncio
import re
import signal
import sys
from datetime import UTC, datetime, timedelta

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from plait.data.database import Database
from plait.data.migrations import head
from plait.errors import Error
from plait.mesh.channel import connect
from plait.mesh.metadata import AUTHORIZATION
from plait.testing import TestKeys, serving
from services.identity import main
from services.identity.sql.store import sql_store
from shop.identity.v1 import identity_pb2 as pb
from shop.identity.v1.identity_pb2_grpc import IdentityServiceStub
from tests.services.identity.people import GOOD, OTHER, SECRET
from tests.services.identity.process import Inbox, database, migrated, running, start

ADMIN = {"IDENTITY_ADMIN_EMAIL": "boss@shop.example", "IDENTITY_ADMIN_PASSWORD": GOOD}
BOSS = pb.LogInRequest(email="boss@shop.example", password=GOOD)


@pytest.fixture
def keys(tmp_path):
    return TestKeys(tmp_path)


def as_admin(keys):
    return [(AUTHORIZATION, f"Bearer {keys.user_token('users/a', ['admin'])}")]


async def status(channel):
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


async def ready(channel):
    """Wait until it has begun."""
    async with asyncio.timeout(20):
        while await status(channel) != "SERVING":
            pass


async def test_a_new_identity_begins_by_itself_lets_its_admin_in_and_ends_when_told(tmp_path):
    migrated(tmp_path)

    with running(tmp_path, **ADMIN) as process:
        async with connect("identity", target=process.address) as channel:
            await ready(channel)
            stub = IdentityServiceStub(channel)
            session = await stub.LogIn(BOSS)
            jwks = await stub.GetJwks(pb.GetJwksRequest())
        process.ended(signal.SIGTERM)

    assert session.user.startswith("users/")
    assert len(jwks.keys) == 2
    assert process.running.returncode == 0


async def test_an_identity_whose_database_was_not_migrated_waits_and_says_why(tmp_path):
    with running(tmp_path) as process:
        async with connect("identity", target=process.address) as channel:
            assert await status(channel) == "NOT_SERVING"
            migrated(tmp_path)
            await ready(channel)
        said = process.ended(signal.SIGTERM)

    assert "cannot be found" in said
    assert "Traceback" not in said
    assert "failed; it is started again" not in said


async def test_a_second_start_keeps_keys_admin_and_password(tmp_path):
    migrated(tmp_path)
    found = []
    for variables in (ADMIN, {**ADMIN, "IDENTITY_ADMIN_PASSWORD": OTHER}):
        with running(tmp_path, **variables) as process:
            async with connect("identity", target=process.address) as channel:
                await ready(channel)
                stub = IdentityServiceStub(channel)
                session = await stub.LogIn(BOSS)
                jwks = await stub.GetJwks(pb.GetJwksRequest())
            found.append((session.user, sorted(key.kid for key in jwks.keys)))

    assert found[0] == found[1]


async def test_another_secret_is_told_by_health_and_by_the_log(tmp_path):
    migrated(tmp_path)
    with running(tmp_path) as process:
        async with connect("identity", target=process.address) as channel:
            await ready(channel)

    with running(tmp_path, IDENTITY_SECRET=SECRET.upper()) as process:
        async with connect("identity", target=process.address) as channel:
            async with asyncio.timeout(20):
                while not any("another IDENTITY_SECRET" in line for line in process.said):
                    assert await status(channel) == "NOT_SERVING"
        said = process.ended(signal.SIGTERM)

    assert SECRET.upper() not in said


async def test_a_killed_identity_loses_nobody_whom_it_acknowledged_and_no_letter(tmp_path, keys):
    migrated(tmp_path)
    acknowledged = []
    for round_ in range(2):
        with running(tmp_path, keys) as process:
            async with connect("identity", target=process.address) as channel:
                stub = IdentityServiceStub(channel)
                for number in range(8):
                    email = f"u{round_}{number}@example.org"
                    acknowledged.append(
                        await stub.SignUp(pb.SignUpRequest(email=email, password=GOOD))
                    )
            process.running.send_signal(signal.SIGKILL)
            process.running.wait(10)

    with running(tmp_path, keys) as process:
        async with connect("identity", target=process.address) as channel:
            stub = IdentityServiceStub(channel)
            for user in acknowledged:
                request = pb.GetUserRequest(name=user.name)
                assert await stub.GetUser(request, metadata=as_admin(keys)) == user
    kept = Database(database(tmp_path))
    letters = await sql_store(kept).letters.due(datetime.now(UTC) + timedelta(hours=1), 99)
    await kept.close()
    assert {letter.email_key for letter in letters} == {user.email for user in acknowledged}


async def test_a_letter_comes_by_mail_and_its_token_works(tmp_path):
    migrated(tmp_path)
    with Inbox() as inbox, running(tmp_path, SMTP_URL=inbox.url) as process:
        async with connect("identity", target=process.address) as channel:
            await ready(channel)
            stub = IdentityServiceStub(channel)
            await stub.SignUp(pb.SignUpRequest(email="ann@example.org", password=GOOD))
            async with asyncio.timeout(20):
                while not inbox.texts:
                    await ready(channel)
            [token] = re.findall(r"^([\w-]{43})\r?$", inbox.texts[0], re.MULTILINE)
            verified = await stub.VerifyEmail(pb.VerifyEmailRequest(token=token))

    assert verified.email_verified
    assert "From: The shop <no-reply@shop.example>" in inbox.texts[0]


async def test_main_hands_a_whole_service_to_the_chassis(tmp_path, monkeypatch):
    migrated(tmp_path)
    served = {}
    monkeypatch.setattr(sys, "argv", ["identity"])
    monkeypatch.setenv("DATABASE_URL", database(tmp_path))
    monkeypatch.setenv("IDENTITY_SECRET", SECRET)
    monkeypatch.setenv("IDENTITY_ADMIN_PASSWORD", GOOD)
    monkeypatch.setattr(
        main,
        "serve",
        lambda settings, register, **other: served.update(other, register=register),
    )

    main.main()

    assert served["name"] == "identity"
    assert [chore.__qualname__ for chore in served["background"]] == [
        "Beginning.run",
        "Identity.deliver",
        "Identity.tidy",
    ]
    async with serving(
        served["register"],
        name="identity",
        ready=served["ready"],
        background=served["background"],
        observers=served["observers"],
    ) as shop:
        await ready(shop.channel)
        stub = IdentityServiceStub(shop.connect_as("users/ann"))
        with pytest.raises(Error, match="role admin"):
            await stub.RotateKeys(pb.RotateKeysRequest())
        admin = IdentityServiceStub(shop.connect_as("users/boss", roles=["admin"]))
        events = await admin.ListAuditEvents(pb.ListAuditEventsRequest())
    await served["on_close"]()
    assert [event.status for event in events.audit_events] == ["PERMISSION_DENIED", "OK"]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DATABASE_URL": "mysql://u:canary@db/shop"}, "DATABASE_URL: expected a database URL"),
        ({"IDENTITY_SECRET": ""}, "IDENTITY_SECRET is not set"),
        ({"IDENTITY_SECRET": "canary"}, "IDENTITY_SECRET: Value error, expected at least 32"),
        ({"IDENTITY_ADMIN_PASSWORD": "canary"}, "IDENTITY_ADMIN_PASSWORD: Value error, expected"),
        (
            {"IDENTITY_ADMIN_EMAIL": "canary@b.org", "IDENTITY_ADMIN_PASSWORD": "canarycanary"},
            "IDENTITY_ADMIN_PASSWORD must not be one",
        ),
        ({"SMTP_URL": "imap://u:canary@mail"}, "SMTP_URL: Value error, expected smtp://"),
        ({"PORT": "many"}, "PORT"),
    ],
)
def test_a_setting_that_cannot_be_used_is_a_sentence_and_no_traceback(tmp_path, environment, said):
    process = start(tmp_path, **environment)

    try:
        errors = process.communicate(timeout=20)[1]
    finally:
        process.kill()

    assert process.returncode in {1, 2}
    assert said in errors
    assert "Traceback" not in errors
    assert "canary" not in errors


def test_the_migrations_are_one_chain():
    assert head(main.MIGRATIONS) == "0001"
