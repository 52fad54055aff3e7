"""What the contract of the API says, and what of it holds for every service."""

from __future__ import annotations

import functools
import inspect
import json
import pickle
import re
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, TypeVar

import attrs
import pytest

from tests.contract.spec import OPERATIONS, Operation, resolved, schema_of
from tests.services.tickets.support import ImpatientClock, failure_of
from vpsbg_async import (
    VPSBG,
    InvalidInputError,
    Outcome,
    OutcomeUnknownError,
    Page,
    ResponseError,
    RetryPolicy,
    is_safe_to_retry,
)
from vpsbg_async.core.caller import Caller
from vpsbg_async.core.endpoint import Effect, Endpoint
from vpsbg_async.core.model import Model
from vpsbg_async.testing import FakeTransport, Reply

__all__ = [
    "check_answers",
    "check_as_contracted",
    "check_is_a_read",
    "check_is_sent_again",
    "check_is_sent_once",
    "check_refused",
    "framed",
    "sent",
    "service",
    "specimen",
]

S = TypeVar("S")

_BASE = "https://api.test/v1"
_TIMES = {
    "iso8601-micros": "2024-11-20T22:00:00.000000Z",
    "iso8601-millis": "2024-09-28T17:57:40.000Z",
    "iso8601-offset": "2023-06-19T22:34:43+03:00",
    "sql-datetime": "2025-01-10 11:45:31",
    "unix-seconds": 1733781600,
}
_KNOWN = {
    "documented": "documented at ",
    "partial": "documented in part at ",
    "observed": "observed",
    "convention": "a *convention*: ",
}


def specimen(schema: Mapping[str, Any] | str, *, known: bool = True) -> Any:
    """A value of a schema with every field that it has.

    Args:
        schema: The schema, or its name.
        known: Whether texts of which some values are known have one of them.
    """
    if isinstance(schema, str):
        schema = schema_of(schema)
    schema = resolved(schema)
    if "anyOf" in schema:
        schema = resolved(schema["anyOf"][0])
    if "allOf" in schema:
        parts = [specimen(part, known=known) for part in schema["allOf"]]
        return functools.reduce(lambda one, other: one | other, parts)
    match _kind_of(schema):
        case "object":
            others = schema.get("additionalProperties")
            named = {"text": others} if isinstance(others, dict) else {}
            fields = schema.get("properties") or named
            return {name: specimen(field, known=known) for name, field in fields.items()}
        case "array":
            return [specimen(schema["items"], known=known)]
        case kind:
            return _plain_specimen(kind, schema, known=known)


def _kind_of(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("type", "string")  # where nothing is known
    return kinds if isinstance(kinds, str) else next(kind for kind in kinds if kind != "null")


def _plain_specimen(kind: str, schema: Mapping[str, Any], *, known: bool) -> Any:
    if kind == "string" and "x-known-values" in schema:
        return schema["x-known-values"][0] if known else "something-new"
    if "x-time-format" in schema:
        return _TIMES[schema["x-time-format"]]
    if "examples" in schema:
        return schema["examples"][0]
    return {"string": "0.5", "integer": 1, "number": 1.5, "boolean": True}[kind]


def framed(item: object, path: str = "/any", *, page: int = 1, last: int = 1) -> Reply:
    """A page with one item, as the API frames it."""
    following = f"{_BASE}{path}?page={page + 1}" if page < last else None
    return Reply(
        json={
            "data": [item],
            "links": {"first": f"{_BASE}{path}?page=1", "prev": None, "next": following},
            "meta": {"current_page": page, "last_page": last, "total": last},
        }
    )


def service(
    kind: Callable[[Caller], S], *replies: Reply | Exception, retry: RetryPolicy | None = None
) -> tuple[S, FakeTransport]:
    """A service of a client without a network, which sends each call once if not told otherwise."""
    transport = FakeTransport(*replies)
    vps = VPSBG(
        "key", base_url=_BASE, transport=transport, retry=retry, gate=None, clock=ImpatientClock()
    )
    return kind(vps._caller), transport


def sent(transport: FakeTransport) -> list[tuple[str, str, Any]]:
    """Method, path with query, and JSON body of what was sent; None for no body."""
    told: list[tuple[str, str, Any]] = []
    for call in transport.calls:
        request = call.request
        if request.body is not None:
            assert request.body.content_type == "application/json"
        body = None if request.body is None else json.loads(call.body)
        told.append((request.method, request.url.removeprefix(_BASE), body))
    return told


async def _given(result: Awaitable[Any]) -> Any:
    """What a call gives; of a list, its only item."""
    found = await result
    if not isinstance(found, Page):
        return found
    (item,) = found.items
    return item


def _models(value: object) -> Iterator[Model]:
    """A model with all that are in it."""
    if isinstance(value, tuple):
        for item in value:
            yield from _models(item)
    elif isinstance(value, Model):
        yield value
        for field in attrs.fields(type(value)):
            yield from _models(getattr(value, field.name))


def _lacking(value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """JSON in which one thing is null, or is not there, and where."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            for place, other in _lacking(item):
                yield place, [*value[:index], other, *value[index + 1 :]]
    elif isinstance(value, dict):
        for name, item in value.items():
            yield (name,), value | {name: None}
            yield (name,), {key: one for key, one in value.items() if key != name}
            for place, other in _lacking(item):
                yield (name, *place), value | {name: other}


async def check_answers(
    kind: Callable[[Caller], S],
    call: Callable[[S], Awaitable[object]],
    schema: str,
    *,
    needed: tuple[str, ...] = (),
    listed: bool = False,
) -> None:
    """A model has all fields of its schema, and can do without any of them.

    Args:
        kind: The service.
        call: Makes a call that answers with one, or with a list of them.
        schema: Name of the schema.
        needed: Those of its fields that it cannot do without.
        listed: Whether it is a list.
    """

    async def read(item: object) -> Any:
        made, _ = service(kind, framed(item) if listed else Reply(json=item))
        return await _given(call(made))

    whole = await read(specimen(schema))
    assert isinstance(whole, Model)
    for model in _models(whole):
        assert not model.extra, type(model)
        for field in attrs.fields(type(model)):
            assert getattr(model, field.name) is not None, field
    await read(specimen(schema, known=False))
    for place, answer in _lacking(specimen(schema)):
        if ".".join(place) not in needed:
            assert isinstance(await read(answer), type(whole)), place
    told = await read(specimen(schema) | {"new_field": {"a": [1.5]}})
    assert (told, told.extra) == (whole, {"new_field": {"a": [1.5]}})


def check_as_contracted(kind: type[Any], *, renamed: tuple[str, ...] = ()) -> None:
    """A service has the operations of its tag, as they are known, and tells so.

    Args:
        kind: The service.
        renamed: Fields of bodies that have no argument of their own name.
    """
    module = sys.modules[kind.__module__]
    tag = kind.__module__.rpartition(".")[2]
    endpoints = {
        (endpoint.method, endpoint.path): endpoint
        for endpoint in vars(module).values()
        if isinstance(endpoint, Endpoint)
    }
    for one in OPERATIONS:
        if one.tag == tag:
            endpoint = endpoints.pop((one.method, one.path))
            assert endpoint.evidence == one.spec["x-evidence"]
            assert endpoint.effects - {Effect.CREATES} == set(one.spec.get("x-effects", ()))
            assert one.method == "POST" or Effect.CREATES not in endpoint.effects
            assert endpoint.harmless is ("/calculate" in one.path)
            _check_method(getattr(kind, one.name), one, renamed)
    assert not endpoints


def _check_method(method: Callable[..., object], one: Operation, renamed: tuple[str, ...]) -> None:
    parameters = list(inspect.signature(method).parameters.values())[1:]
    ids = [item for item in parameters if item.kind is item.POSITIONAL_OR_KEYWORD]
    named = {item.name for item in parameters if item.kind is item.KEYWORD_ONLY}
    assert len(ids) == one.path.count("{")
    fields = one.properties.keys() - {*renamed}
    assert one.query | fields <= named
    if "schema" in one.request and not fields:
        fields = named  # nothing is known of its body
    assert named <= one.query | fields | {"page"}
    text = " ".join((inspect.getdoc(method) or "").split())
    assert f"``{one.method} {one.path}``, {_KNOWN[one.spec['x-evidence']]}" in text
    if "externalDocs" in one.spec:
        assert one.spec["externalDocs"]["url"] in text
    else:
        assert "https://dev.vpsbg.eu" in text
    for item in parameters:
        assert f" {item.name}: " in text
    assert "APIError: " in text
    assert "TransportError: " in text
    assert ("InvalidInputError: " in text) is bool(parameters)
    assert "NotFoundError: " in text or not ids


async def check_refused(
    kind: Callable[[Caller], S], call: Callable[[S], Any], *names: str
) -> Mapping[str, tuple[str, ...]]:
    """Arguments are refused before anything is sent; what is said of them, by name."""
    made, transport = service(kind)
    with pytest.raises(InvalidInputError) as caught:
        await call(made)
    assert caught.value.errors.keys() == {*names}
    assert caught.value.path is not None
    assert transport.calls == []
    return caught.value.errors


def _doubts() -> tuple[Reply | Exception, ...]:
    """What leaves open whether a call was acted on."""
    return OutcomeUnknownError("no answer"), Reply(status=500), Reply(status=423)


async def check_is_sent_once(
    kind: Callable[[Caller], S], call: Callable[[S], Awaitable[object]]
) -> None:
    """A call is not sent again where it may have happened."""
    for reply in _doubts():
        retry = RetryPolicy(wait_if_locked=True)
        made, transport = service(kind, reply, Reply(json={"id": 1}), retry=retry)
        error = await failure_of(call(made))
        assert error.outcome is Outcome.UNKNOWN
        assert len(transport.calls) == 1


async def check_is_sent_again(
    kind: Callable[[Caller], S], call: Callable[[S], Awaitable[object]], good: Reply
) -> None:
    """A call that can do no harm twice is sent again."""
    for reply in _doubts():
        retry = RetryPolicy(wait_if_locked=True)
        made, transport = service(kind, reply, good, retry=retry)
        await call(made)
        first, second = sent(transport)
        assert first == second


async def check_is_a_read(
    kind: Callable[[Caller], S], call: Callable[[S], Awaitable[object]], good: Reply
) -> None:
    """A call changes nothing: it is sent again as a read is, and no error warns of that."""
    await check_is_sent_again(kind, call, good)
    made, transport = service(kind, Reply(body=b"<html>"), good, retry=RetryPolicy())
    await call(made)
    assert len(transport.calls) == 2
    for reply in (*_doubts(), Reply(body=b"<html>"), Reply(json={"amount": []})):
        made, _ = service(kind, reply)
        error = await failure_of(call(made))
        assert error.only_reads
        assert pickle.loads(pickle.dumps(error)).only_reads
        assert not re.search("may|again", str(error))
        assert is_safe_to_retry(error) is not error.permanent
    for wrong in (Reply(body=b""), Reply(status=204)):  # it has nothing to tell
        made, _ = service(kind, wrong)
        assert isinstance(await failure_of(call(made)), ResponseError)
