"""TLS for servers and channels: contexts that speak HTTP/2 (ALPN `h2`) by TLS 1.2 or later."""

import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROTOCOL = "h2"
# For TLS 1.2: what RFC 9113 appendix A does not forbid. Those of TLS 1.3 are all good.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server(certificate: Path, key: Path, *, client_roots: Path | None = None) -> ssl.SSLContext:
    """Return a server's context.

    Args:
        certificate: file with the certificate and those between it and a root, PEM.
        key: file with its private key, PEM.
        client_roots: file with the roots that clients' certificates must come from, PEM; clients
            without one are refused then.

    Raises:
        OSError, ssl.SSLError: a file cannot be read, or the key is of another certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_roots is not None:
        context.load_verify_locations(client_roots)
        context.verify_mode = ssl.CERT_REQUIRED
    return _for_http2(context)


def client(
    roots: Path | None = None, *, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """Return a client's context; the server's name is always checked.

    Args:
        roots: file with the roots that the server's certificate must come from, PEM; without it
            those of the system.
        certificate: file with the client's own certificate, PEM.
        key: file with its private key, PEM.

    Raises:
        OSError, ssl.SSLError: as `server` does.
    """
    context = ssl.create_default_context(cafile=None if roots is None else str(roots))
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return _for_http2(context)


def reloading(latest: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Return a server's context that uses, for each handshake, what `latest` returns then.

    So certificates and roots change under a running server, and connections that stand stay.
    `latest` returns a context of `server`, made anew when files have changed; it is called once a
    handshake and must not block. Whether clients need a certificate is decided by the first one.
    Sessions are not resumed where they do: one that was resumed would not be checked anew.
    """
    first = latest()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = first.verify_mode
    if first.verify_mode is not ssl.CERT_NONE:
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0

    def choose(connection: ssl.SSLObject, name: str | None, asked: ssl.SSLContext) -> None:
        del name, asked
        connection.context = latest()

    context.sni_callback = choose
    return _for_http2(context)


def _for_http2(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # RFC 9113 section 9.2.1
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols([PROTOCOL])
    return context


_NAMES = frozenset({"DNS", "URI", "IP Address", "email"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """What TLS has proven of the peer, in grpcio's words; empty without TLS."""

    key: str | None = None
    identities: tuple[bytes, ...] | None = None
    properties: Mapping[str, Iterable[bytes]] = field(default_factory=dict[str, Iterable[bytes]])


def auth_of(tls: Any) -> Auth:
    """Return what an `ssl.SSLObject` knows of the peer; None means plaintext."""
    if tls is None:
        return Auth()
    properties: dict[str, Iterable[bytes]] = {"transport_security_type": [b"ssl"]}
    certificate = tls.getpeercert()
    if not certificate:
        return Auth(properties=properties)
    subject = [value for part in certificate.get("subject", ()) for value in part]
    common = [value.encode() for name, value in subject if name == "commonName"]
    named = certificate.get("subjectAltName", ())
    names = [value.encode() for kind, value in named if kind in _NAMES]  # some kinds are no text
    pem = ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True)).encode()
    properties |= {"x509_common_name": common, "x509_pem_cert": [pem]}
    if names:
        properties["x509_subject_alternative_name"] = names
        return Auth(
            key="x509_subject_alternative_name", identities=tuple(names), properties=properties
        )
    return Auth(key="x509_common_name", identities=tuple(common), properties=properties)
