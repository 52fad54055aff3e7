"""From JSON to models: the only module that imports cattrs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from types import GenericAlias, NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import attrs
from cattrs import AttributeValidationNote, Converter, transform_error
from cattrs.gen import make_dict_structure_fn, override

from ..errors import ResponseError
from . import values
from .answer import Answer
from .model import Model, OpenEnum

try:
    import orjson
except ImportError:  # the extra "speed" is not installed
    orjson = None  # type: ignore[assignment]

__all__ = ["parse", "read", "structure"]

T = TypeVar("T")
Hook = Callable[[Any, Any], Any]

_PLACES = 5  # of wrong places that a message names


def parse(answer: Answer, kind: Any = object) -> Any:
    """The JSON of a successful answer, None if it has no body.

    Args:
        answer: The answer.
        kind: What is to be made of it. If that has amounts, fractions keep the digits they have.

    Raises:
        ResponseError: It is not JSON.
    """
    if not answer.body.strip():
        return None
    try:
        return _exact_loads(answer.body) if _has_amounts(kind) else _loads(answer.body)
    except (ValueError, RecursionError) as error:
        text = "the answer is not JSON"
        raise ResponseError(text, status=answer.status, body=answer.body) from error


_exact_loads = partial(json.loads, parse_float=values.exactly)


def _loads(body: bytes) -> Any:
    if orjson is not None:
        try:
            return orjson.loads(body)
        except ValueError:
            pass  # it is stricter, and what an answer is must not depend on what is installed
    return json.loads(body)


def read(answer: Answer, kind: type[T], *, may_be_empty: bool = False) -> T:
    """What a successful answer holds.

    Args:
        answer: The answer.
        kind: What it is: a model, or a tuple of them.
        may_be_empty: Whether an answer without a body is taken for a model with nothing in it, if
            that is one that requires nothing.

    Raises:
        ResponseError: It is not what was promised.
    """
    if kind is NoneType:
        return cast(T, None)
    data = parse(answer, kind)
    if _is_tuple(kind):
        data = _things(data, get_args(kind)[0])
    elif data is None and may_be_empty and _is_model(kind):
        data = {}
    return structure(data, kind, answer)


def _things(data: Any, kind: Any) -> Any:
    """The things that an answer has: in a list or one alone, framed as data or not, or none."""
    if isinstance(data, dict) and "data" in data:
        data = data["data"]
    if isinstance(data, dict):  # something else, such as an order, is none of them
        data = [data] if data.keys() & {field.name for field in attrs.fields(kind)} else []
    return data or []


def structure(data: Any, kind: type[T], answer: Answer) -> T:
    """A model out of the JSON of a successful answer.

    Raises:
        ResponseError: It is not what was promised; the text names the place.
    """
    try:
        return _converter(exact=False).structure(data, kind)
    except Exception as error:
        found = _places(data, kind) if answer.body.strip() else "it has no body"
        text = f"the answer is not what was promised: {found}"
        raise ResponseError(text, status=answer.status, body=answer.body, permanent=True) from error


def _places(data: Any, kind: type[Any]) -> str:
    """What is wrong at which place, learned by structuring once more, slowly."""
    try:
        _converter(exact=True).structure(data, kind)
    except Exception as error:  # noqa: BLE001 - whatever it is, it becomes text
        places = transform_error(error, format_exception=_told)
        more = f"; and {len(places) - _PLACES} more" if len(places) > _PLACES else ""
        return "; ".join(places[:_PLACES]) + more
    return "not told by the parts"


def _told(error: BaseException, _: type[Any] | None) -> str:
    return "missing" if isinstance(error, KeyError) else str(error)


@cache
def _has_amounts(kind: Any) -> bool:
    """Whether there are amounts of money in what is to be made."""
    if kind is Decimal:
        return True
    fields = get_type_hints(kind).values() if _is_model(kind) and not get_origin(kind) else ()
    return any(map(_has_amounts, (*fields, *get_args(kind))))


@cache
def _converter(*, exact: bool) -> Converter:
    converter = Converter(detailed_validation=exact)
    converter.register_structure_hook(int, values.integer)
    converter.register_structure_hook(str, values.text)
    converter.register_structure_hook(bool, values.flag)
    converter.register_structure_hook(float, values.number)
    converter.register_structure_hook(Decimal, values.amount)
    converter.register_structure_hook(datetime, values.moment)
    converter.register_structure_hook_func(
        lambda kind: kind is object, lambda value, _: values.plain(value)
    )
    converter.register_structure_hook(OpenEnum, values.member)

    @converter.register_structure_hook_factory(_is_tuple)
    def _tuples(kind: Any) -> Hook:
        item = get_args(kind)[0]
        if exact:
            listed: Any = GenericAlias(list, (item,))
            named = converter.get_structure_hook(listed)
            return lambda value, _: tuple(named(values.items(value), listed))
        hook = converter.get_structure_hook(item)
        return lambda value, _: tuple([hook(part, item) for part in values.items(value)])

    # cattrs has one of its own, which looks its way through each time.
    @converter.register_structure_hook_factory(_is_optional)
    def _optionals(kind: Any) -> Hook:
        (part,) = _parts(kind)
        hook = converter.get_structure_hook(part)
        as_it_is = part if part in (bool, int, str) else NoneType
        return lambda value, _: (
            value if value is None or type(value) is as_it_is else hook(value, part)
        )

    @converter.register_structure_hook_factory(_is_mapping)
    def _mappings(kind: Any) -> Hook:
        mapped: Any = GenericAlias(dict, get_args(kind))
        hook = converter.get_structure_hook(mapped)
        return lambda value, _: hook(values.mapping(value), mapped)

    @converter.register_structure_hook_factory(_is_choice)
    def _choices(kind: Any) -> Hook:
        hooks = [
            (_json_of(part), converter.get_structure_hook(part), part) for part in _parts(kind)
        ]
        return lambda value, _: _chosen(value, hooks, nullable=NoneType in get_args(kind))

    @converter.register_structure_hook_factory(_is_model)
    def _models(kind: type[Model]) -> Hook:
        return _tolerant(_model_hook(kind, converter), kind, converter)

    return converter


def _is_tuple(kind: Any) -> bool:
    origin: Any = get_origin(kind)
    return origin is tuple


def _is_mapping(kind: Any) -> bool:
    origin: Any = get_origin(kind)
    return origin is Mapping


def _is_optional(kind: Any) -> bool:
    """Whether it is a union of one thing and None."""
    return isinstance(kind, UnionType) and len(_parts(kind)) == 1


def _is_choice(kind: Any) -> bool:
    """Whether it is a union of more than one thing and None."""
    return isinstance(kind, UnionType) and len(_parts(kind)) > 1


def _parts(kind: Any) -> list[Any]:
    return [part for part in get_args(kind) if part is not NoneType]


def _json_of(kind: Any) -> tuple[type, ...]:
    """What JSON holds for a type."""
    if _is_model(kind) or _is_mapping(kind):
        return (dict, list)  # how PHP writes an empty object
    return {bool: (bool, int), str: (str,)}.get(kind, (int, float, Decimal))


def _chosen(
    value: Any, hooks: Sequence[tuple[tuple[type, ...], Hook, Any]], *, nullable: bool
) -> Any:
    """The value as the first of several types that JSON's own type fits."""
    if value is None and nullable:
        return None
    for kinds, hook, part in hooks:
        if isinstance(value, kinds):
            return hook(value, part)
    raise values.wrong(value, " or ".join(sorted({kinds[0].__name__ for kinds, _, _ in hooks})))


def _is_model(kind: Any) -> bool:
    kind = get_origin(kind) or kind
    return isinstance(kind, type) and issubclass(kind, Model)


def _model_hook(kind: type[Model], converter: Converter) -> Hook:
    """Structure a model, with unknown fields kept and errors named by the JSON's own names."""
    fields = attrs.fields(get_origin(kind) or kind)
    names = {field.name: field.metadata.get("json", field.name) for field in fields}
    overrides: dict[str, Any] = {
        field: override(omit=True) if name is None else override(rename=name)
        for field, name in names.items()
        if name != field
    }
    make = make_dict_structure_fn(kind, converter, **overrides)
    known = set(names.values())
    may_be_empty = all(field.default is not attrs.NOTHING for field in fields)

    def hook(value: Any, _: Any) -> Model:
        if not isinstance(value, dict):
            if value == [] and not may_be_empty:
                raise values.wrong(value, "an object")
            value = values.mapping(value)
        try:
            model = make(value, kind)
        except ExceptionGroup as error:
            _rename(error, names)
            raise
        if known.issuperset(value):
            return model
        return attrs.evolve(model, extra={name: value[name] for name in value.keys() - known})

    return hook


def _tolerant(hook: Hook, kind: type[Model], converter: Converter) -> Hook:
    """The same for a model with fields of two names, or of which it is not known what they hold."""
    fields = attrs.fields(get_origin(kind) or kind)
    others = {field.name: field.metadata["other"] for field in fields if "other" in field.metadata}
    names = [field.name for field in fields if "unsure" in field.metadata]
    if not others and not names:
        return hook
    hints = get_type_hints(get_origin(kind) or kind)
    unsure = {name: converter.get_structure_hook(hints[name]) for name in names}

    def tolerant(value: Any, _: Any) -> Model:
        if not isinstance(value, dict):
            return cast(Model, hook(value, kind))
        value = _with_names(value, others)
        unread = {
            name: value[name]
            for name, read in unsure.items()
            if value.get(name) is not None and not _fits(value[name], read, hints[name])
        }
        if not unread:
            return cast(Model, hook(value, kind))
        left = {name: item for name, item in value.items() if name not in unread}
        model = cast(Model, hook(left, kind))
        return attrs.evolve(model, extra={**model.extra, **unread})

    return tolerant


def _fits(value: Any, hook: Hook, kind: Any) -> bool:
    try:
        hook(value, kind)
    except Exception:  # noqa: BLE001 - whatever it is, the value stays as it came
        return False
    return True


def _with_names(value: dict[str, Any], others: Mapping[str, str]) -> dict[str, Any]:
    """An object whose fields have the first of two names, where only the other one is told."""
    moved = {
        name: value[other]
        for name, other in others.items()
        if value.get(name) is None and other in value
    }
    if not moved:
        return value
    left = {name: item for name, item in value.items() if name not in map(others.get, moved)}
    return left | moved


def _rename(error: ExceptionGroup, names: Mapping[str, str | None]) -> None:
    for part in error.exceptions:
        for note in getattr(part, "__notes__", ()):
            if isinstance(note, AttributeValidationNote):
                note.name = names.get(note.name) or note.name
