"""What the application answers when it says no, in Laravel's words."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import hdrs, web

__all__ = ["RefusedError", "unknown_route", "wants_json"]


class RefusedError(Exception):
    """A request is answered with an error.

    Args:
        status: The HTTP status.
        message: What the ``message`` of the JSON body says.
        errors: Texts by field name, for a 422.
        headers: Headers of the answer.
        redirect: Where Laravel sends a browser instead, that is, whoever did not ask for JSON.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        redirect: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = headers
        self.redirect = redirect

    def response(self, request: web.Request) -> web.Response:
        """The answer to ``request``."""
        if self.redirect is not None and not wants_json(request):
            location = str(request.url.origin().with_path(self.redirect))
            page = f'<!DOCTYPE html><title>Redirecting to {location}</title><a href="{location}">'
            return web.Response(
                status=302, text=page, content_type="text/html", headers={hdrs.LOCATION: location}
            )
        body: dict[str, object] = {"message": self.message}
        if self.errors is not None:
            body["errors"] = self.errors
        return web.json_response(body, status=self.status, headers=self.headers)


def unknown_route(request: web.Request) -> RefusedError:
    """What is said of a path that the API has not."""
    return RefusedError(404, f"The route {request.path.strip('/')} could not be found.")


def wants_json(request: web.Request) -> bool:
    """Whether the type that the client likes best is JSON: Laravel's rule, by which */* is not."""
    ranges = ",".join(request.headers.getall(hdrs.ACCEPT, [])).lower().split(",")
    best = max(ranges, key=_quality)
    return "/json" in best or "+json" in best


def _quality(media_range: str) -> float:
    for parameter in media_range.split(";")[1:]:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
