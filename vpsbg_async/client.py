"""The client: settings, transport and the service objects."""

from __future__ import annotations

import ipaddress
import os
import platform
import re
from functools import cached_property
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

from ._version import __version__
from .attachments import Limits
from .core.call import Caller, JSONBody, Query
from .errors import ConfigurationError, InvalidInputError
from .services.tickets import Tickets
from .transport import Headers, Timeouts, Transport
from .transport.aiohttp import AiohttpTransport

__all__ = ["VPSBG"]

_BASE_URL = "https://api.vpsbg.eu/v1"
_USER_AGENT = f"vpsbg_async/{__version__} Python/{platform.python_version()}"
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
        if base_url is None:
            base_url = os.environ.get("VPSBG_BASE_URL") or _BASE_URL
        self._base_url = _checked_url(base_url, allow_http=allow_http)
        self._limits = Limits() if limits is None else limits
        self._transport = AiohttpTransport() if transport is None else transport
        self._caller = Caller(
            transport=self._transport,
            base_url=self._base_url,
            headers=_headers(api_key),
            timeouts=Timeouts() if timeouts is None else timeouts,
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
        method = method.upper()
        if not re.fullmatch(r"[A-Z]+", method):
            raise InvalidInputError({"method": (f"must be an HTTP method, not {method!r}",)})
        body = None if json is None else JSONBody(json)
        return await self._caller.raw(method, _checked_path(path), params or {}, body)

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
        return f"<VPSBG at {self._base_url}>"


def _headers(api_key: str) -> Headers:
    api_key = api_key.strip()  # a key read from a file ends in a line break
    if not api_key:
        raise ConfigurationError("there is no API key: set VPSBG_API_KEY or give api_key")
    if not re.fullmatch(r"[!-~]+", api_key):
        raise ConfigurationError("the API key has characters that no key has, such as a space")
    return Headers(
        {
            "Accept": "application/json",
            "Authorization": f"Bearer {api_key}",
            "User-Agent": _USER_AGENT,
        }
    )


def _checked_url(url: str, *, allow_http: bool) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port  # raises for what is no port
    except ValueError as error:
        raise ConfigurationError(f"the base URL cannot be read: {error}") from error
    if parts.scheme not in ("http", "https") or not host or not re.fullmatch(r"[!-~]+", url):
        raise ConfigurationError("the base URL must be like https://host/path")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigurationError("the base URL must have no user, query or fragment")
    if parts.scheme == "http" and not allow_http and not _is_loopback(host):
        text = "http:// would send the API key in the clear: use https:// or allow_http=True"
        raise ConfigurationError(text)
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _checked_path(path: str) -> str:
    if not path.startswith("/") or path.startswith("//") or ".." in path.split("/"):
        text = f"must be a path below the base URL, such as /balance, not {path!r}"
        raise InvalidInputError({"path": (text,)})
    if "?" in path or "#" in path:
        raise InvalidInputError({"path": ("must hold no query: give it as params",)})
    return quote(path, safe=_PATH_SAFE)
