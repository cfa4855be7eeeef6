"""Certificates, made where they are needed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Identity:
    """The files of a certificate and of its key."""

    certificate: Path
    key: Path


class Authority:
    """Issues certificates; `roots` is the file of its own."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _named(name)
        own = self._builder(self._subject, self._key.public_key(), timedelta(days=1))
        basic = x509.BasicConstraints(ca=True, path_length=None)
        certificate = own.add_extension(basic, critical=True).sign(self._key, hashes.SHA256())
        self.roots = folder / f"{name}.pem"
        self.roots.write_bytes(certificate.public_bytes(_PEM))

    def issue(
        self,
        name: str,
        *names: x509.GeneralName,
        life: timedelta = timedelta(days=1),
        alone: bool = False,
    ) -> Identity:
        """Issue a certificate; without `names` it is good for 127.0.0.1 and localhost.

        `alone` leaves the alternative names out.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_named(name), key.public_key(), life)
        if not alone:
            usual = (x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1")))
            builder = builder.add_extension(
                x509.SubjectAlternativeName(list(names or usual)), critical=False
            )
        made = builder.sign(self._key, hashes.SHA256())
        paths = self._folder / f"{self._name}-{name}.pem", self._folder / f"{self._name}-{name}.key"
        paths[0].write_bytes(made.public_bytes(_PEM))
        paths[1].write_bytes(
            key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        return Identity(*paths)

    def _builder(self, subject, key, life) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + life)
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
