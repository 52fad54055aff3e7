"""The client: settings, transport and the service objects."""

from __future__ import annotations

import ipaddress
import os
import platform
import re
from functools import cached_property
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, unquote, urlsplit

from ._version import __version__
from .attachments import Limits
from .core.call import Caller, JSONBody, Query, is_encodable, located
from .errors import ConfigurationError, InvalidInputError
from .services.tickets import Tickets
from .transport import Headers, Timeouts, Transport
from .transport.aiohttp import AiohttpTransport

__all__ = ["VPSBG"]

T = TypeVar("T")

_BASE_URL = "https://api.vpsbg.eu/v1"
_USER_AGENT = f"vpsbg_async/{__version__} Python/{platform.python_version()}"
_URL = re.compile(r"https?://[!-\[\]-~]+", re.IGNORECASE)  # printable, without a backslash
_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_PATH_SAFE = "/%:@!$&'()*+,;=~"


class VPSBG:
    """A client of the VPSBG API, for asyncio.

    ```python
    async with VPSBG() as vps:
        ticket = await vps.tickets.create(department_id=2, subject="…", message="…")
    ```

    One client serves any number of concurrent calls; leave its context, or call `aclose`, to
    release its connections.

    Args:
        api_key: The API key, made in the client area (API tokens). Taken from the environment
            variable ``VPSBG_API_KEY`` if it is not given. It shows in no repr, log or error.
        base_url: Where the API is; ``VPSBG_BASE_URL`` if it is set, else VPSBG's own.
        transport: Carries the requests; an `AiohttpTransport` of its own if not given. It is
            closed with the client.
        timeouts: How long each phase of a request may take.
        limits: What one call may attach.
        allow_http: Whether to send the key over plain HTTP to another machine.

    Raises:
        ConfigurationError: There is no key, or a setting cannot work.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        transport: Transport | None = None,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
        allow_http: bool = False,
    ) -> None:
        if api_key is None:
            api_key = os.environ.get("VPSBG_API_KEY", "")
        if isinstance(api_key, str):
            api_key = _Secret(api_key)
        if base_url is None:
            base_url = os.environ.get("VPSBG_BASE_URL") or _BASE_URL
        self._base_url = _checked_url(base_url, allow_http=allow_http)
        self._limits = _of_kind("limits", limits, Limits)
        self._transport = AiohttpTransport() if transport is None else transport
        if not all(callable(getattr(self._transport, name, None)) for name in ("send", "aclose")):
            raise ConfigurationError("transport must have the methods of a Transport")
        self._caller = Caller(
            transport=self._transport,
            base_url=self._base_url,
            headers=_headers(api_key),
            timeouts=_of_kind("timeouts", timeouts, Timeouts),
        )

    @cached_property
    def tickets(self) -> Tickets:
        """Support tickets and their messages."""
        return Tickets(self._caller, self._limits)

    async def request(
        self, method: str, path: str, *, params: Query | None = None, json: Any = None
    ) -> Any:
        """Call any path of the API, such as one that this package does not know.

        Args:
            method: HTTP method.
            path: Path below the base URL, such as ``/balance``.
            params: Query string, not encoded.
            json: Body, sent as JSON; None sends no body.

        Returns:
            The answer's JSON, None if it has no body.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            NotSentError: Nothing reached the server.
            OutcomeUnknownError: Sent, and no answer came.
            ResponseReadError: The answer broke off.
            ResponseError: The answer is no JSON.
            APIError: The server answered with an error; see its subclasses.
        """
        if not isinstance(method, str) or method.upper() not in _METHODS:
            raise InvalidInputError({"method": (f"must be one of {', '.join(_METHODS)}",)})
        place = quote(str(path), safe=_PATH_SAFE, errors="backslashreplace")
        with located(method.upper(), place, attempts=0):
            _check_path(path)
            body = None if json is None else JSONBody(json)
        return await self._caller.raw(method.upper(), place, {} if params is None else params, body)

    async def aclose(self) -> None:
        """Release the connections; calls under way fail."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<VPSBG at {getattr(self, '_base_url', 'no address')}>"


class _Secret(str):
    """A text that does not show where the values of variables are listed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def _of_kind(name: str, value: T | None, kind: type[T]) -> T:
    if value is None:
        return kind()
    if not isinstance(value, kind):
        text = f"{name} must be a {kind.__name__}, not {type(value).__name__}"
        raise ConfigurationError(text)
    return value


def _headers(api_key: str) -> Headers:
    if not isinstance(api_key, str):
        raise ConfigurationError(f"the API key must be text, not {type(api_key).__name__}")
    api_key = _Secret(api_key.strip())  # a key read from a file ends in a line break
    if not api_key:
        raise ConfigurationError("there is no API key: set VPSBG_API_KEY or give api_key")
    if not re.fullmatch(r"[!-~]+", api_key):
        raise ConfigurationError("the API key has characters that no key has, such as a space")
    return Headers(
        {
            "Accept": "application/json",
            "Authorization": _Secret(f"Bearer {api_key}"),
            "User-Agent": _USER_AGENT,
        }
    )


def _checked_url(url: str, *, allow_http: bool) -> str:
    # The texts do not quote the URL: it may hold a password.
    if not isinstance(url, str) or not _URL.fullmatch(url):
        raise ConfigurationError("the base URL must be like https://host/path")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port  # raises for what is no port
    except ValueError:
        raise ConfigurationError("the base URL cannot be read") from None
    if not _is_address(host) and not _HOST.fullmatch(host):
        raise ConfigurationError("the base URL has no host that could be called")
    if parts.username is not None or "?" in url or "#" in url or ".." in parts.path.split("/"):
        raise ConfigurationError("the base URL must have no user, query, fragment or '..'")
    if parts.scheme == "http" and not allow_http and not _is_loopback(host):
        text = "http:// would send the API key in the clear: use https:// or allow_http=True"
        raise ConfigurationError(text)
    return url.rstrip("/")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    if _is_address(host):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"  # not below it: not every resolver keeps those at home


def _check_path(path: str) -> None:
    if not isinstance(path, str) or not path.startswith("/") or path.startswith("//"):
        text = f"must be a path below the base URL, such as /balance, not {path!r}"
        raise InvalidInputError({"path": (text,)})
    if not {".", ".."}.isdisjoint(unquote(path).split("/")):  # servers take %2e for a dot
        raise InvalidInputError({"path": ("must not lead out of the API",)})
    if "?" in path or "#" in path:
        raise InvalidInputError({"path": ("must hold no query: give it as params",)})
    if not is_encodable(path):
        raise InvalidInputError({"path": ("holds half a character (a lone surrogate)",)})
