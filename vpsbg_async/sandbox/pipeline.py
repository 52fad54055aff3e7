"""What every request passes on the way to its endpoint, and its answer on the way back."""

from __future__ import annotations

import hmac
import logging
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from .refusals import RefusedError, unknown_route
from .throttle import Throttle

__all__ = ["Pipeline"]

_log = logging.getLogger(__name__)

_HEADERS: Final = web.RequestKey("headers", dict[str, str])  # for the answer, whatever it will be
_READING: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


class Pipeline:
    """The middlewares, in Laravel's order.

    Args:
        api_key: The key that may do everything.
        read_key: The key that may only read.
        throttle: Counts the requests of each key.
    """

    def __init__(self, api_key: str, read_key: str, throttle: Throttle) -> None:
        self._api_key = api_key
        self._read_key = read_key
        self._throttle = throttle

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn whatever is raised into an answer."""
        try:
            response = await handler(request)
        except RefusedError as refusal:
            response = refusal.response(request)
        except (ConnectionError, web.RequestPayloadError):
            # The server before the application says so, most often to nobody.
            response = web.json_response({"message": "Bad Request"}, status=400)
        except Exception:  # noqa: BLE001 - a server answers 500 and goes on
            _log.exception("Unexpected error at %s %s", request.method, request.path)
            response = RefusedError(500, "Server Error").response(request)
        response.headers.update(request.pop(_HEADERS, {}))
        return response

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check that there is such a route, who calls, how often, and what they may do."""
        _check_route(request)
        key = self._authenticate(request)
        request[_HEADERS] = self._throttle.admit(key)
        if key == self._read_key and request.method not in _READING:
            raise RefusedError(403, "Invalid ability provided.")
        return await handler(request)

    def use_up(self, request: web.Request) -> None:
        """Let another client of a request's key use up what the rate limit has left.

        Raises:
            RefusedError: Nobody is known by that key.
        """
        self._throttle.use_up(self._authenticate(request))

    def _authenticate(self, request: web.Request) -> str:
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        given = token.strip().encode(errors="surrogateescape")
        for key in (self._api_key, self._read_key):
            if scheme.lower() == "bearer" and hmac.compare_digest(given, key.encode()):
                return key
        raise RefusedError(401, "Unauthenticated.", redirect="/login")


def _check_route(request: web.Request) -> None:
    path = request.path.strip("/")
    match request.match_info.http_exception:
        case web.HTTPMethodNotAllowed() as error:
            allowed = ", ".join(sorted(error.allowed_methods))
            raise RefusedError(
                405,
                f"The {request.method} method is not supported for route {path}. "
                f"Supported methods: {allowed}.",
                headers={hdrs.ALLOW: allowed},
            )
        case web.HTTPException():
            raise unknown_route(request)
