"""Calls in the forms in which the services make them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar

from ..errors import InvalidInputError
from ..transport import Body
from . import convert
from .answer import Answer
from .bodies import JSONBody
from .call import Call, Recorder, located
from .endpoint import READS, Effect, Endpoint, Query, query_string
from .fields import Fields
from .pages import Envelope, Page, Pages, page_of
from .session import Session

__all__ = ["Caller"]

T = TypeVar("T")


class Caller:
    """Makes calls: what the service objects stand on.

    Args:
        session: What the calls share.
    """

    def __init__(self, session: Session) -> None:
        self.session = session

    def begin(
        self,
        endpoint: Endpoint[Any],
        ids: Mapping[str, int | str],
        *,
        draft: object = None,
        recorder: Recorder | None = None,
    ) -> Call:
        """A call of an endpoint, to be run.

        Args:
            endpoint: The endpoint.
            ids: The ids in its path.
            draft: What it is to create, for its errors to hold.
            recorder: Writes down what leaves.
        """
        return Call(self.session, endpoint, ids, draft, recorder)

    async def call(
        self,
        endpoint: Endpoint[T],
        *,
        body: Fields | None = None,
        query: Fields | None = None,
        **ids: int | str,
    ) -> T:
        """Call an endpoint that answers with one resource.

        Args:
            endpoint: The endpoint.
            body: What is sent as JSON; None sends no body.
            query: What is asked for in the query string.
            ids: The ids in its path.
        """
        query = query or Fields()
        return await self.begin(endpoint, ids).run(
            lambda answer: convert.read(
                answer, endpoint.result, may_be_empty=not endpoint.only_reads
            ),
            query=query_string(query.values),
            prepare=None if body is None else partial(_json, body),
            problems=query.problems | ({} if body is None else body.problems),
        )

    def pages(
        self,
        endpoint: Endpoint[T],
        page: int | None = None,
        query: Fields | None = None,
        **ids: int | str,
    ) -> Pages[T]:
        """A list, in pages.

        Args:
            endpoint: The endpoint.
            page: Number of the page to get or to begin with.
            query: What is asked for in the query string.
            ids: The ids in its path.
        """
        query = query or Fields()
        problems = Fields().whole("page", page, least=1).problems | query.problems
        if problems := endpoint.problems_of(ids) | problems:
            with located(endpoint.method, endpoint.path):
                raise InvalidInputError(problems)
        asked = query.values

        async def fetch(number: int | None, before: Page[T] | None) -> Page[T]:
            told = asked if number is None else {**asked, "page": number}
            call = self.begin(endpoint, ids)
            return await call.run(
                lambda answer: page_of(_envelope(answer, endpoint), number, answer, before),
                query=query_string(told),
            )

        return Pages(fetch, page)

    async def raw(self, method: str, path: str, query: Query, body: Body | None) -> Any:
        """Call any path and return its JSON; sent again only where nothing is known to happen."""
        effects = frozenset[Effect]() if method in READS else frozenset({Effect.NOT_KNOWN})
        whole = path.replace("{", "{{").replace("}", "}}")  # no ids are to be filled in
        call = self.begin(Endpoint(method, whole, object, effects=effects), {})
        with located(method, path):
            encoded = query_string(query)
        return await call.run(convert.parse, query=encoded, body=body)


async def _json(fields: Fields) -> Body:
    return JSONBody(fields.values)


def _envelope(answer: Answer, endpoint: Endpoint[T]) -> Envelope[T]:
    data = convert.parse(answer, endpoint.result)
    data = {"data": data} if isinstance(data, list) else data
    kind = Envelope[endpoint.result]  # type: ignore[name-defined]
    return convert.structure(data, kind, answer)
