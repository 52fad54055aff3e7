"""Headers that a caller adds to those of the client."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import ConfigurationError
from ..transport import Headers

__all__ = ["with_more"]

# What says who asks for what, what follows from the body, and what is between two connections.
# Cache-Control is among them as an old list would prove a ticket absent that is there.
_OURS = {
    name.lower(): name
    for name in (
        *("Accept", "Accept-Encoding", "Authorization", "Cache-Control", "Host"),
        *("Content-Encoding", "Content-Length", "Content-Type"),
        *("Connection", "Expect", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection"),
        *("TE", "Trailer", "Transfer-Encoding", "Upgrade"),
    )
}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r" *[!-~][ -~]*")


def with_more(headers: Headers, more: Mapping[str, str] | None) -> Headers:
    """The headers with more, which take the place of those of the same name.

    Raises:
        ConfigurationError: One of them cannot be sent, or is not the caller's to choose.
    """
    if more is None:
        return headers
    if not isinstance(more, Mapping):
        text = f"headers must be a mapping of names to texts, not {type(more).__name__}"
        raise ConfigurationError(text)
    for name, value in more.items():
        _check(name, value)
    added = Headers({name: value.strip() for name, value in more.items()})
    kept = {name: value for name, value in headers.items() if name not in added}
    return Headers({**kept, **added})


def _check(name: str, value: str) -> None:
    # The texts do not quote the value: it may be a secret.
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(f"headers must have names such as X-Trace, not {name!r}")
    if name.lower() in _OURS:
        raise ConfigurationError(f"headers must not set {_OURS[name.lower()]}")
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise ConfigurationError(f"headers must have texts of printable ASCII, as {name} has not")
