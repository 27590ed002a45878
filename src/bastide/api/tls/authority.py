"""The installation's own certificate authorities: made at first start, their keys never replaced.

Each signs certificates for certain names alone (its name constraints say so), so that trusting it lets nobody
pose as another site. Keys are readable by the server's user alone. No I/O but on its files.
"""

import ipaddress
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bastide.config import Settings
from bastide.files import write_once, write_whole
from bastide.model.faults import Invalid

LIFETIME = timedelta(days=3650)
LEAF_LIFETIME = timedelta(days=397)  # longer ones are refused by some clients
BACKDATED = timedelta(days=1)  # for clients whose clock is behind

OWN = "ca"  # the name of the one that clients outside are to trust, in its files

log = logging.getLogger(__name__)


def tls_folder(settings: Settings) -> Path:
    """Where keys and certificates are."""
    return settings.server_folder / "tls"


def authority_file(settings: Settings, stem: str = OWN) -> Path:
    """An authority's certificate, which clients are to trust."""
    return tls_folder(settings) / f"{stem}.pem"


class Authority:
    """A key and its certificate."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate

    @classmethod
    def ensure(
        cls, settings: Settings, names: Sequence[str], *, now: datetime, stem: str = OWN
    ) -> "Authority":
        """The one in the folder, made if there is none. Repeatable; of two at once, both get the same."""
        folder = tls_folder(settings)
        key_file, certificate_file = folder / f"{stem}.key", authority_file(settings, stem)
        write_once(key_file, render_key(ec.generate_private_key(ec.SECP256R1())))
        key = _read_key(key_file)
        wanted = {_constrained(name) for name in names}
        of = settings.instance if stem == OWN else f"{settings.instance}, {stem}"
        write_once(certificate_file, _self_signed(key, of, wanted, now))
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        if certificate.public_key() != key.public_key():
            why = f"{certificate_file} is not the certificate of {key_file}. Remove it to have it made anew."
            raise Invalid("certificate", str(certificate_file), why=why)
        allowed = _allowed(certificate)
        if not wanted <= allowed:
            log.warning(
                "%s is made anew for another name; who trusts it has to take the new one", certificate_file
            )
            signed = _self_signed(key, of, wanted | allowed, now)
            write_whole(certificate_file, signed)
            certificate = x509.load_pem_x509_certificate(signed)
        return cls(key, certificate)

    @property
    def certificate(self) -> bytes:
        """What is to be trusted, as PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, names: Sequence[str], *, now: datetime) -> tuple[bytes, bytes]:
        """A key and a certificate for these names and addresses, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _begin(_named(names[0]), self._certificate.subject, key.public_key(), now, LEAF_LIFETIME)
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        signed = builder.add_extension(signer, critical=False).sign(self._key, hashes.SHA256())
        return render_key(key), signed.public_bytes(serialization.Encoding.PEM)


def names_in(certificate: bytes) -> tuple[set[str], datetime]:
    """What a certificate is for, and when it ends."""
    read = x509.load_pem_x509_certificate(certificate)
    names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    return addresses | set(names.get_values_for_type(x509.DNSName)), read.not_valid_after_utc


def render_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    """PEM, not encrypted: the file's mode protects it."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _allowed(certificate: x509.Certificate) -> set[x509.GeneralName]:
    """What the authority may sign for."""
    constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    return set(constraints.permitted_subtrees or ())


def _self_signed(
    key: ec.EllipticCurvePrivateKey, instance: str, allowed: set[x509.GeneralName], now: datetime
) -> bytes:
    subject = _named(f"Bastide CA ({instance})")
    builder = _begin(subject, subject, key.public_key(), now, LIFETIME)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = builder.add_extension(usage, critical=True)
    ordered = sorted(allowed, key=lambda name: str(name.value))
    constraints = x509.NameConstraints(permitted_subtrees=ordered, excluded_subtrees=None)
    builder = builder.add_extension(constraints, critical=True)
    signed = builder.sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - BACKDATED).not_valid_after(now + lifetime)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _constrained(name: str) -> x509.GeneralName:
    """A name and all below it, or one address."""
    try:
        return x509.IPAddress(ipaddress.ip_network(name))
    except ValueError:
        return x509.DNSName(name)


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise Invalid("key", str(path), why=f"{path} holds no private key.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Invalid("key", str(path), why=f"{path} holds a key of another kind than Bastide makes.")
    return key
