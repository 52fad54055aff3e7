"""Calls in the forms in which the services make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from ..transport import Body
from . import convert
from .answer import Answer
from .call import Call, Recorder, located
from .endpoint import READS, Effect, Endpoint, Query, query_string
from .pages import Envelope, Page, page_of
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
        endpoint: Endpoint,
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
        endpoint: Endpoint,
        kind: type[T],
        ids: Mapping[str, int | str],
        *,
        body: Body | None = None,
    ) -> T:
        """Call an endpoint that answers with one resource."""
        return await self.begin(endpoint, ids).run(
            lambda answer: convert.read(answer, kind), body=body
        )

    async def page(self, endpoint: Endpoint, kind: type[T], number: int | None) -> Page[T]:
        """Call an endpoint that answers with one page of a list."""

        def read(answer: Answer) -> Page[T]:
            data = convert.parse(answer)
            data = {"data": data} if isinstance(data, list) else data
            envelope = convert.structure(data, Envelope[kind], answer)  # type: ignore[valid-type]
            return page_of(envelope, number, answer)

        query = "" if number is None else f"?page={number}"
        return await self.begin(endpoint, {}).run(read, query=query)

    async def raw(self, method: str, path: str, query: Query, body: Body | None) -> Any:
        """Call any path; the answer is raw JSON, None if it has no body."""
        with located(method, path):
            encoded = query_string(query)
        effects = frozenset(() if method in READS else (Effect.NOT_KNOWN,))
        whole = path.replace("{", "{{").replace("}", "}}")
        call = self.begin(Endpoint(method, whole, effects=effects), {})
        return await call.run(convert.parse, query=encoded, body=body)
