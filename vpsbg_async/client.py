"""The client: settings, transport and the service objects."""

from __future__ import annotations

import ipaddress
import os
import platform
import random
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, unquote, urlsplit

import attrs

from ._version import __version__
from .attachments import Limits
from .core.bodies import JSONBody
from .core.call import located
from .core.caller import Caller
from .core.capture import CapturedCall
from .core.clock import Clock, ServerClock
from .core.endpoint import Query, is_encodable
from .core.finding import ReconcilePolicy
from .core.gate import Gate, RateGate
from .core.headers import with_more
from .core.notify import Notifier
from .core.rate_limit import RateLimit
from .core.retry import RetryPolicy
from .core.session import Options, Session
from .core.unset import UNSET, Unset
from .errors import ConfigurationError, InvalidInputError
from .events import Listener
from .services import Services
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


class VPSBG(Services):
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
        deadline: How many seconds a call may take with all its attempts and waits; None for no
            limit.
        retry: When a call is sent again, where that is safe; None for never.
        gate: Holds calls back so that the rate limit is not run into; one of its own if not given,
            none at all for None. Clients that use the same key should share one.
        reconcile: How a ticket is looked for that may have been created.
        headers: Sent with every request, beside what the client says itself.
        on_event: Called with each event of each call; see `vpsbg_async.events`.
        limits: What one call may attach.
        allow_http: Whether to send the key over plain HTTP to another machine.
        clock: Tells the time, for the waits and windows above; for simulations.

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
        deadline: float | None = None,
        retry: RetryPolicy | None = RetryPolicy(),  # noqa: B008 - it cannot be changed
        gate: Gate | Unset | None = UNSET,
        reconcile: ReconcilePolicy = ReconcilePolicy(),  # noqa: B008 - it cannot be changed
        headers: Mapping[str, str] | None = None,
        on_event: Listener | None = None,
        limits: Limits | None = None,
        allow_http: bool = False,
        clock: Clock | None = None,
    ) -> None:
        if api_key is None:
            api_key = os.environ.get("VPSBG_API_KEY", "")
        if isinstance(api_key, str):
            api_key = _Secret(api_key)
        if base_url is None:
            base_url = os.environ.get("VPSBG_BASE_URL") or _BASE_URL
        clock = _of_kind("clock", clock, Clock)
        self._is_owner = True
        self._session = Session(
            transport=AiohttpTransport() if transport is None else _checked_transport(transport),
            base_url=_checked_url(base_url, allow_http=allow_http),
            headers=with_more(_headers(api_key), headers),
            gate=RateGate(clock=clock) if isinstance(gate, Unset) else _checked_gate(gate),
            clock=clock,
            server_clock=ServerClock(clock),
            random=random.random,
            limits=_of_kind("limits", limits, Limits),
            options=Options(
                timeouts=Timeouts() if timeouts is None else timeouts,
                deadline=deadline,
                retry=retry,
                reconcile=reconcile,
                notifier=Notifier().and_to(on_event),
            ),
        )
        self._caller = Caller(self._session)

    def with_options(
        self,
        *,
        timeouts: Timeouts | Unset = UNSET,
        deadline: float | Unset | None = UNSET,
        retry: RetryPolicy | Unset | None = UNSET,
        reconcile: ReconcilePolicy | Unset = UNSET,
        headers: Mapping[str, str] | None = None,
        on_event: Listener | None = None,
    ) -> VPSBG:
        """The same client with other options, for a call or more.

        ```python
        await vps.with_options(deadline=30, retry=None).tickets.create(...)
        ```

        It shares connections, gate and memory with this client, which stays as it is, and need not
        be closed.

        Args:
            timeouts: How long each phase of a request may take.
            deadline: How many seconds a call may take with all its attempts and waits; None for no
                limit.
            retry: When a call is sent again, where that is safe; None for never.
            reconcile: How a ticket is looked for that may have been created.
            headers: Sent with every request, beside those that are sent already; one of the same
                name takes its place. What the client says itself, such as ``Authorization`` and
                ``Content-Type``, cannot be among them.
            on_event: Called with each event, beside whoever is called already.

        Raises:
            ConfigurationError: A setting cannot work.
        """
        given: dict[str, Any] = {
            "timeouts": timeouts,
            "deadline": deadline,
            "retry": retry,
            "reconcile": reconcile,
        }
        options = self._session.options
        options = attrs.evolve(
            options,
            notifier=options.notifier.and_to(on_event),
            **{name: value for name, value in given.items() if value is not UNSET},
        )
        other = object.__new__(type(self))
        # Without the service objects, which were made for the options of this one.
        vars(other).update({key: value for key, value in vars(self).items() if key[0] == "_"})
        sent = with_more(self._session.headers, headers)
        session = attrs.evolve(self._session, options=options, headers=sent)
        vars(other).update(_session=session, _caller=Caller(session), _is_owner=False)
        return other

    async def request(
        self, method: str, path: str, *, params: Query | None = None, json: Any = None
    ) -> Any:
        """Call any path of the API, such as one that this package does not know.

        GET, HEAD and OPTIONS are sent again where `RetryPolicy` says so. Other methods are only if
        it is certain that they were not acted on, as it is not known what they do.

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
        with located(method.upper(), place):
            _check_path(path)
            body = None if json is None else JSONBody(json)
        query = {} if params is None else params
        return await self._caller.raw(method.upper(), place, query, body)

    def capture(self) -> AbstractContextManager[list[CapturedCall]]:
        """See what was answered to the calls of a block, byte for byte.

        ```python
        with vps.capture() as calls:
            await vps.servers.list()
        print(calls[0].status, calls[0].headers, calls[0].body)
        ```

        Each attempt is put down when it ends, those that failed too. It holds for this client and
        those that `with_options` makes of it, in the task that runs the block and the tasks that
        are begun in it: others may make calls meanwhile. The key is in none of it.

        Returns:
            A context that gives the list, which stays when it is left.
        """
        return self._session.captures.open()

    @property
    def rate_limit(self) -> RateLimit | None:
        """What the last answer that told of the rate limit has told, None before there was one."""
        return self._session.rate_limit.last

    async def aclose(self) -> None:
        """Break off bulk runs, and release the connections; calls under way fail."""
        if not self._is_owner:
            return
        for dependent in tuple(self._session.dependents):
            await dependent.aclose()
        await self._session.transport.aclose()

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
        session = getattr(self, "_session", None)
        return f"<VPSBG at {session.base_url if session else 'no address'}>"


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


def _checked_transport(transport: Transport) -> Transport:
    _check_methods("transport", transport, "Transport", ("send", "aclose"))
    return transport


def _checked_gate(gate: Gate | None) -> Gate | None:
    if gate is not None:
        _check_methods("gate", gate, "Gate", ("enter", "leave"))
    return gate


def _check_methods(name: str, value: object, protocol: str, methods: Sequence[str]) -> None:
    has_them = all(callable(getattr(value, method, None)) for method in methods)
    if isinstance(value, type) or not has_them:
        raise ConfigurationError(f"{name} must have the methods of a {protocol}")


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
            "Cache-Control": "no-cache",  # what is looked for may be younger than a cache
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
