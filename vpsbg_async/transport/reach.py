"""What lies between a transport and its server: proxies, and who lets whom in by TLS."""

from __future__ import annotations

import ssl
from base64 import b64encode
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import attrs

from ..errors import ConfigurationError, NotSentError

__all__ = ["KEEPALIVE", "PORTS", "READING", "Proxies", "Proxy", "reason_of", "refusal_in"]

PORTS = {"http": 80, "https": 443}

# A pooled connection that the server has forgotten would cost a create its certainty; nginx and
# Apache keep theirs for longer than this.
KEEPALIVE = 5.0  # seconds

# With any other method a request without a body has to say so: Content-Length: 0.
READING = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

# What a server says that wants another certificate of its client. With TLS 1.3 it comes after the
# handshake, when a request may have been written; it has not been read.
_REFUSALS = frozenset(
    {
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "TLSV1_ALERT_ACCESS_DENIED",
        "TLSV1_ALERT_UNKNOWN_CA",
    }
)


@attrs.frozen
class Proxy:
    """An HTTP proxy.

    Attributes:
        url: Its address, without user and password.
        authorization: What it wants to be shown, None if nothing.
    """

    url: str
    authorization: str | None = attrs.field(default=None, repr=False)

    @classmethod
    def of(cls, url: object) -> Proxy | None:
        """The proxy of a URL, None if it is none."""
        try:
            parts = urlsplit(url) if isinstance(url, str) else None
            if parts is None or parts.scheme not in PORTS or not parts.hostname:
                return None
            host = parts.hostname.encode("idna").decode()
            port = parts.port or PORTS[parts.scheme]
        except ValueError:
            return None
        if any(char.isspace() for char in host):
            return None
        bare = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        if parts.username is None and parts.password is None:
            return cls(bare)
        words = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        return cls(bare, f"Basic {b64encode(words.encode()).decode()}")


class Proxies:
    """Which proxy a request goes through.

    Args:
        proxy: URL of the one for all of them.
        trust_env: Whether it is the environment's business where none is given.

    Raises:
        ConfigurationError: The proxy is not an HTTP URL.
    """

    def __init__(self, proxy: str | None, *, trust_env: bool) -> None:
        self._proxy = None if proxy is None else Proxy.of(proxy)
        self._trust_env = trust_env
        if proxy is not None and self._proxy is None:
            raise ConfigurationError("proxy must be an http:// or https:// URL")

    def for_url(self, url: str | SplitResult) -> Proxy | None:
        """The proxy for a request to a URL.

        Raises:
            NotSentError: The environment names one that is not an HTTP URL.
        """
        if self._proxy is not None or not self._trust_env:
            return self._proxy
        # Not left to the HTTP library, which may look into ~/.netrc, and even send what it finds
        # there in place of our key.
        parts = urlsplit(url) if isinstance(url, str) else url
        host = parts.hostname or ""
        if proxy_bypass(host) or proxy_bypass(f"{host}:{parts.port or PORTS.get(parts.scheme)}"):
            return None
        named = getproxies().get(parts.scheme)
        if not named:
            return None
        proxy = Proxy.of(named if "://" in named else f"http://{named}")
        if proxy is None:
            text = "the proxy that the environment names is not an http:// or https:// URL"
            raise NotSentError(text, permanent=True)
        return proxy


def refusal_in(error: BaseException | None) -> str:
    """How a server has refused our certificate, or the want of one; empty if it has not."""
    while error is not None:
        reason = getattr(error, "reason", None) if isinstance(error, ssl.SSLError) else None
        if reason in _REFUSALS:
            return f"wants another certificate of ours ({_in_words(reason)})"
        error = error.__cause__
    return ""


def reason_of(error: BaseException) -> str:
    """Why there is no connection, in words for a person."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = getattr(error, "verify_message", "") or _in_words(error.reason)
        return f"its certificate is not accepted ({why})"
    if isinstance(error, ssl.SSLError) and error.reason:
        refusal = refusal_in(error)
        return f"it {refusal}" if refusal else _in_words(error.reason)
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(told.split()) or type(error).__name__


def _in_words(reason: str) -> str:
    return reason.replace("_", " ").lower()
