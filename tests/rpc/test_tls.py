"""TLS: who is let in, by which versions, and what is known of them then."""

import asyncio
import logging
import ssl
from datetime import timedelta

import grpc
import grpc.aio
import pytest
from cryptography import x509

from plait.rpc import tls
from plait.rpc.channel import Channel
from plait.rpc.lifetime import Lifetimes
from tests.rpc.certificates import Authority
from tests.rpc.echo import hosting, unary
from tests.rpc.peer import peer


async def act(request, context):
    return repr(
        (
            context.peer_identity_key(),
            context.peer_identities(),
            sorted(context.auth_context()),
        )
    ).encode()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="module")
def identity(authority):
    return authority.issue("server")


def server(identity, **how) -> ssl.SSLContext:
    return tls.server(identity.certificate, identity.key, **how)


def client(authority, identity=None) -> ssl.SSLContext:
    if identity is None:
        return tls.client(authority.roots)
    return tls.client(authority.roots, certificate=identity.certificate, key=identity.key)


async def called(target, context) -> bytes:
    async with Channel(target, tls=context) as channel:
        return await channel.unary_unary("/test.Echo/Unary")(b"", timeout=5)


async def refused(target, context) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await called(target, context)
    return failure.value.code()


async def handshake(target, context, name="127.0.0.1"):
    """Connect by TLS alone; return what the socket knows, once a byte or the end has come."""
    host, _, port = target.rpartition(":")
    reader, writer = await asyncio.open_connection(
        host, int(port), ssl=context, server_hostname=name
    )
    try:
        async with asyncio.timeout(10):
            came = await reader.read(1)
        return writer.get_extra_info("ssl_object"), came
    finally:
        writer.close()


# Who is let in.


async def test_a_server_proves_who_it_is(authority, identity):
    async with hosting(unary(act), server(identity)) as (_, target):
        told = await called(target, client(authority))

    assert told == b"(None, None, ['transport_security_type'])"


async def test_grpcios_client_is_let_in_as_well(authority, identity):
    mine = authority.issue("client")
    credentials = grpc.ssl_channel_credentials(
        authority.roots.read_bytes(), mine.key.read_bytes(), mine.certificate.read_bytes()
    )
    mutual = server(identity, client_roots=authority.roots)
    async with (
        hosting(unary(act), mutual) as (_, target),
        grpc.aio.secure_channel(target, credentials) as channel,
    ):
        told = await channel.unary_unary("/test.Echo/Unary")(b"", timeout=5)

    assert b"x509_subject_alternative_name" in told


async def test_a_client_refuses_a_server_of_another_authority(stranger, identity):
    async with hosting(unary(act), server(identity)) as (_, target):
        assert await refused(target, client(stranger)) is grpc.StatusCode.UNAVAILABLE


async def test_a_client_refuses_a_server_of_another_name(authority):
    other = authority.issue("other", x509.DNSName("other.example"))
    async with hosting(unary(act), server(other)) as (_, target):
        assert await refused(target, client(authority)) is grpc.StatusCode.UNAVAILABLE


async def test_a_client_refuses_a_server_whose_time_is_over(authority):
    old = authority.issue("old", life=timedelta(days=-1))
    async with hosting(unary(act), server(old)) as (_, target):
        assert await refused(target, client(authority)) is grpc.StatusCode.UNAVAILABLE


async def test_a_server_may_want_to_know_its_clients(authority, identity):
    spiffe = x509.UniformResourceIdentifier("spiffe://shop/orders")
    orders = authority.issue("orders", x509.DNSName("orders"), spiffe)
    mutual = server(identity, client_roots=authority.roots)
    async with hosting(unary(act), mutual) as (_, target):
        told = await called(target, client(authority, orders))

    assert told.decode() == repr(
        (
            "x509_subject_alternative_name",
            (b"orders", b"spiffe://shop/orders"),
            [
                "transport_security_type",
                "x509_common_name",
                "x509_pem_cert",
                "x509_subject_alternative_name",
            ],
        )
    )


async def test_a_client_without_other_names_is_known_by_its_common_name(authority, identity):
    plain = authority.issue("plain", alone=True)
    mutual = server(identity, client_roots=authority.roots)
    async with hosting(unary(act), mutual) as (_, target):
        told = await called(target, client(authority, plain))

    assert told.startswith(b"('x509_common_name', (b'plain',)")


async def test_a_client_without_a_certificate_is_refused_where_one_is_wanted(authority, identity):
    mutual = server(identity, client_roots=authority.roots)
    async with hosting(unary(act), mutual) as (_, target):
        assert await refused(target, client(authority)) is grpc.StatusCode.UNAVAILABLE


async def test_a_client_of_another_authority_is_refused(authority, stranger, identity):
    foreign = stranger.issue("foreign")
    mutual = server(identity, client_roots=authority.roots)
    async with hosting(unary(act), mutual) as (_, target):
        assert await refused(target, client(authority, foreign)) is grpc.StatusCode.UNAVAILABLE


async def test_names_that_are_no_text_are_passed_over(authority, identity):
    named = x509.DirectoryName(x509.Name([]))
    odd = authority.issue("odd", x509.DNSName("odd"), named)
    mutual = server(identity, client_roots=authority.roots)
    async with hosting(unary(act), mutual) as (_, target):
        told = await called(target, client(authority, odd))

    assert b"(b'odd',)" in told


# How it is spoken.


async def test_tls_without_h2_is_dropped(authority, identity, caplog):
    caplog.set_level(logging.INFO)
    context = ssl.create_default_context(cafile=str(authority.roots))
    async with hosting(unary(act), server(identity)) as (_, target):
        _, came = await handshake(target, context)

    assert came == b""
    assert [r.getMessage().partition(": ")[2] for r in caplog.records if r.name[:5] == "plait"] == [
        "connection dropped: TLS without ALPN h2"
    ]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_tls_1_1_is_refused(authority, identity):
    context = client(authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with hosting(unary(act), server(identity)) as (_, target):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await handshake(target, context)


@pytest.mark.parametrize(
    ("ciphers", "good"), [("ECDHE+AESGCM", True), ("ECDHE-ECDSA-AES128-SHA256", False)]
)
async def test_tls_1_2_is_spoken_by_the_ciphers_that_http2_allows(
    authority, identity, ciphers, good
):
    context = client(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    async with hosting(unary(act), server(identity)) as (_, target):
        if good:
            assert (await called(target, context)).startswith(b"(None")
        else:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await handshake(target, context)


async def test_plaintext_at_a_port_of_tls_is_dropped(identity):
    async with hosting(unary(act), server(identity)) as (_, target), peer(target) as one:
        assert await one.ended()


async def test_a_handshake_that_is_not_finished_is_dropped(identity):
    quick = Lifetimes(greeting=0.05)
    async with (
        hosting(unary(act), server(identity), lifetimes=quick) as (_, target),
        peer(target, greets=False) as one,
    ):
        assert await one.ended()


async def test_grpcios_credentials_are_refused_with_what_is_expected(identity):
    credentials = grpc.ssl_server_credentials(
        [(identity.key.read_bytes(), identity.certificate.read_bytes())]
    )

    with pytest.raises(TypeError, match=r"must be an ssl\.SSLContext"):
        async with hosting(unary(act), credentials):
            pass


def test_a_key_of_another_certificate_is_refused(authority, identity):
    other = authority.issue("another")

    with pytest.raises(ssl.SSLError):
        tls.server(identity.certificate, other.key)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        tls.server(tmp_path / "none.pem", tmp_path / "none.key")


def test_without_tls_nothing_is_known():
    assert tls.auth_of(None) == tls.Auth()


# Certificates that change.


async def test_a_certificate_changes_under_a_running_server_and_connections_stand(
    authority, stranger, identity
):
    current = [server(identity)]
    context = tls.reloading(lambda: current[0])
    async with (
        hosting(unary(act), context) as (_, target),
        Channel(target, tls=client(authority)) as before,
    ):
        call = before.unary_unary("/test.Echo/Unary")
        await call(b"", timeout=5)

        current[0] = server(stranger.issue("server"))

        assert await refused(target, client(authority)) is grpc.StatusCode.UNAVAILABLE
        assert await called(target, client(stranger))
        assert await call(b"", timeout=5)


async def test_the_roots_of_clients_change_under_a_running_server(authority, stranger, identity):
    old, new = authority.issue("old-client"), stranger.issue("new-client")
    current = [server(identity, client_roots=authority.roots)]
    context = tls.reloading(lambda: current[0])
    async with hosting(unary(act), context) as (_, target):
        assert await called(target, client(authority, old))
        assert await refused(target, client(authority, new)) is grpc.StatusCode.UNAVAILABLE

        current[0] = server(identity, client_roots=stranger.roots)

        assert await refused(target, client(authority, old)) is grpc.StatusCode.UNAVAILABLE
        assert await called(target, client(authority, new))


async def test_a_client_whose_roots_are_no_longer_trusted_cannot_resume(authority, identity):
    mutual = server(identity, client_roots=authority.roots)
    context = tls.reloading(lambda: mutual)

    assert context.num_tickets == 0
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert tls.reloading(lambda: server(identity)).verify_mode is ssl.CERT_NONE
