"""The token of a training over several machines: a file with a private key and its certificate.

Both sides show the certificate and accept no other, so who has the file may join, and nobody else.
"""

from __future__ import annotations

import datetime
import os
import re
import ssl
from pathlib import Path

from workbench.atomic import write_bytes
from workbench.errors import FileError, WorkbenchError

_YEARS = 20  # that a certificate is valid: who wants it void deletes the file
_ADDRESS = re.compile(r"^# join (\S+)$", re.MULTILINE)


def make_token(path: Path) -> None:
    """Write a new token, readable by its owner alone.

    Raises:
        WorkbenchError: the package for it is missing.
        FileError: it cannot be written.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID
    except ImportError:
        raise WorkbenchError(
            "a new token needs a package that is not installed.",
            where=str(path),
            hint="Install it: pip install 'kwb[hosts]', or copy a token that another machine has made.",
        ) from None
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kwb")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)  # clocks of machines differ
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + 365 * _YEARS * day)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_private(path, private + certificate.public_bytes(encoding))


def write_private(path: Path, content: bytes) -> None:
    """Write a file that its owner alone can read, whole or not at all.

    Raises:
        FileError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    before = os.umask(0o077)
    try:
        write_bytes(path, content)
    finally:
        os.umask(before)
    os.chmod(path, 0o600)  # it may have replaced one with other rights


def note_address(path: Path, address: str) -> None:
    """Write beside the key where the training can be joined, for those who have the file.

    Raises:
        FileError: it cannot be written.
    """
    text = _ADDRESS.sub("", _read(path)).lstrip()
    write_private(path, f"# join {address}\n{text}".encode())


def noted_address(path: Path) -> str:
    """Where the training can be joined; "" where that was not written.

    Raises:
        FileError: there is no such file.
    """
    found = _ADDRESS.search(_read(path))
    return found[1] if found else ""


def context_of(path: Path, *, server: bool) -> ssl.SSLContext:
    """How a connection is made that only those with the same token have.

    Raises:
        FileError: there is no token, or it is damaged.
    """
    _read(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the certificate is of no machine: it is accepted as it is, and no other
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(path)
        context.load_verify_locations(path)
    except (ssl.SSLError, OSError) as error:
        raise FileError(f"is no token: {error}.", where=str(path), hint=_MAKE) from error
    return context


_MAKE = "`kwb worker --new-token FILE` makes one; every machine needs a copy of the same."


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise FileError(f"the token cannot be read: {reason}.", where=str(path), hint=_MAKE) from error
