"""Secrets stay secret: canaries in every field that holds one, and none of them found anywhere."""

import asyncio
import hashlib
import json
import re
import signal
import uuid

import pytest

from plait.data.claims import fingerprint
from plait.errors import Error
from plait.mesh.channel import connect
from plait.mesh.metadata import AUTHORIZATION
from plait.testing import TestKeys
from shop.identity.v1 import identity_pb2 as pb
from shop.identity.v1.identity_pb2_grpc import IdentityServiceStub
from tests.services.identity.people import SECRET
from tests.services.identity.process import Inbox, migrated, running
from tests.telemetry.conftest import Collector

PASSWORDS = [f"canary-{number}-violin-ladder" for number in range(4)]
EMAIL = "canary.person@example.org"
ADMIN_PASSWORD = "canary-admin-teapot-orbit"


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.close()


class Walk:
    """Everything that can be done with a password or a token, well and badly."""

    def __init__(self, stub, inbox, metadata):
        self._stub = stub
        self._inbox = inbox
        self._as_admin = metadata
        self.secrets = [*PASSWORDS, ADMIN_PASSWORD, SECRET]
        self.errors = []

    async def well(self, method, **fields):
        request = getattr(pb, f"{method}Request")(**fields)
        return await getattr(self._stub, method)(request)

    async def badly(self, method, *, metadata=(), **fields):
        request = getattr(pb, f"{method}Request")(**fields)
        with pytest.raises(Error) as caught:
            await getattr(self._stub, method)(request, metadata=list(metadata))
        error = caught.value
        self.errors.append(f"{error} {error.metadata} {error.violations} {error.resource}")

    async def letter(self, number):
        """The token of the letter of this number, once it has come."""
        async with asyncio.timeout(20):
            while len(self._inbox.texts) <= number:
                await self.well("GetJwks")
        [token] = re.findall(r"^([\w-]{43})\r?$", self._inbox.texts[number], re.MULTILINE)
        self.secrets.append(token)
        return token

    def opened(self, session):
        self.secrets += [session.access_token, session.refresh_token]
        return session

    async def go(self):
        first, second, third, wrong = PASSWORDS
        self.sign_up = pb.SignUpRequest(
            email=EMAIL, password=first, display_name="Ann", request_id=str(uuid.uuid4())
        )
        await self._stub.SignUp(self.sign_up)
        await self.badly("SignUp", email=EMAIL, password=second)
        await self.badly("SignUp", email="no address", password=second)
        await self.badly("SignUp", email=EMAIL, password="x", display_name="two\nlines")
        await self.badly("SignUp", email="canary@b.org", password="canarycanary")
        await self.well("VerifyEmail", token=await self.letter(0))
        await self.badly("VerifyEmail", token=wrong)
        session = self.opened(await self.well("LogIn", email=EMAIL, password=first))
        following = self.opened(
            await self.well("RefreshSession", refresh_token=session.refresh_token)
        )
        await self.badly("RefreshSession", refresh_token=session.refresh_token)
        await self.badly("RefreshSession", refresh_token=wrong)
        await self.well("LogOut", refresh_token=following.refresh_token, everywhere=True)
        await self.well("RequestPasswordReset", email=EMAIL)
        token = await self.letter(1)
        await self.badly("ResetPassword", token=token, new_password="canarycanary")
        await self.badly("ResetPassword", token=wrong, new_password=third)
        await self.well("ResetPassword", token=token, new_password=third)
        for _ in range(6):
            await self.badly("LogIn", email=EMAIL, password=wrong)
        bearer = [(AUTHORIZATION, f"Bearer {following.access_token}")]
        await self.badly("GetUser", metadata=bearer, name="users/me")
        await self.well("GetJwks")
        rotated = pb.RotateKeysRequest(request_id=str(uuid.uuid4()))
        await self._stub.RotateKeys(rotated, metadata=self._as_admin)


async def test_no_canary_is_in_logs_spans_errors_letters_of_others_or_the_database(
    tmp_path, collector
):
    migrated(tmp_path)
    keys = TestKeys(tmp_path)
    with (
        Inbox() as inbox,
        running(
            tmp_path,
            keys,
            SMTP_URL=inbox.url,
            LOG_LEVEL="DEBUG",
            IDENTITY_ADMIN_PASSWORD=ADMIN_PASSWORD,
            OTEL_SDK_DISABLED="",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            NO_PROXY="127.0.0.1",
        ) as process,
    ):
        async with connect("identity", target=process.address) as channel:
            admin = [(AUTHORIZATION, f"Bearer {keys.user_token('users/a', ['admin'])}")]
            walk = Walk(IdentityServiceStub(channel), inbox, admin)
            await walk.go()
            asked = pb.ListAuditEventsRequest()
            events = await IdentityServiceStub(channel).ListAuditEvents(asked, metadata=admin)
        said = process.ended(signal.SIGTERM)
    telemetry = "".join(map(str, collector.requests))
    kept = b"".join(path.read_bytes() for path in sorted(tmp_path.glob("identity.db*")))

    assert len(walk.secrets) == 12
    assert said.count("shop.identity.v1.IdentityService/LogIn") >= 7
    assert telemetry.count("shop.identity.v1.IdentityService/LogIn") >= 7
    assert b"canary.person" in kept  # so that the search would find what is there
    for secret in walk.secrets:
        for place in (said, telemetry, "".join(walk.errors), str(events)):
            assert secret not in place
        assert secret.encode() not in kept
    for place in (said, telemetry):
        assert "canary" not in place
    assert hashlib.sha256(walk.sign_up.SerializeToString()).digest() not in kept


async def test_the_database_holds_no_fast_hash_of_a_sign_up(tmp_path):
    """A claim keeps a fingerprint of its request: of one with a password it must be a keyed one."""
    migrated(tmp_path)
    request = pb.SignUpRequest(email=EMAIL, password=PASSWORDS[0], request_id=str(uuid.uuid4()))
    with running(tmp_path) as process:
        async with connect("identity", target=process.address) as channel:
            await IdentityServiceStub(channel).SignUp(request)
        process.ended(signal.SIGTERM)
    kept = b"".join(path.read_bytes() for path in sorted(tmp_path.glob("identity.db*")))

    assert request.request_id.encode() in kept
    assert fingerprint(request) not in kept


async def test_an_event_of_the_audit_has_the_trace_of_its_call(tmp_path, collector):
    migrated(tmp_path)
    keys = TestKeys(tmp_path)
    with running(
        tmp_path,
        keys,
        OTEL_SDK_DISABLED="",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        NO_PROXY="127.0.0.1",
    ) as process:
        async with connect("identity", target=process.address) as channel:
            stub = IdentityServiceStub(channel)
            admin = [(AUTHORIZATION, f"Bearer {keys.user_token('users/a', ['admin'])}")]
            async with asyncio.timeout(20):
                while not (await stub.GetJwks(pb.GetJwksRequest())).keys:
                    pass
            await stub.RotateKeys(pb.RotateKeysRequest(), metadata=admin)
            refused = pb.GrantRoleRequest(name="users/none", role="agent")
            with pytest.raises(Error):
                await stub.GrantRole(refused, metadata=admin)
            asked = pb.ListAuditEventsRequest()
            events = (await stub.ListAuditEvents(asked, metadata=admin)).audit_events
        process.ended(signal.SIGTERM)

    traces = {
        span.name.rpartition("/")[2]: span.trace_id.hex()
        for span in collector.spans()
        if span.name.startswith("shop.")
    }
    found = {event.method.rpartition("/")[2]: event.trace_id for event in events}
    assert found == {name: traces[name] for name in ("RotateKeys", "GrantRole")}
    assert json.dumps(found)
