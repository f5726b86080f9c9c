"""Where a server listens and who may call it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEFAULT_MAX_MESSAGE_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """PEM files. With `authority`, the peer must show a certificate that it signed (mutual TLS)."""

    certificate: Path
    private_key: Path
    authority: Path | None = None

    def read(self) -> tuple[bytes, bytes, bytes | None]:
        """Certificate chain, private key, authority."""
        authority = self.authority.read_bytes() if self.authority else None
        return self.certificate.read_bytes(), self.private_key.read_bytes(), authority


@dataclass(frozen=True, slots=True)
class RpcSettings:
    """A server's address (`host:port`, port 0 for any free one), the accepted API keys, and TLS."""

    address: str
    api_keys: tuple[str, ...]
    tls: TlsSettings | None = None
    max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES
