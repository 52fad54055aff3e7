"""What the contract says of each operation, and whether an answer keeps to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import yaml
from attrs import frozen
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

if TYPE_CHECKING:
    from tests.sandbox.conftest import Answer

_FILE = Path(__file__).with_name("openapi.yaml")
CONTRACT: dict[str, Any] = yaml.load(
    _FILE.read_bytes(),
    Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader),  # the first one where it is there
)
_METHODS = ("get", "post", "put", "patch", "delete")
_TIMES = {
    "iso8601-micros": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"),
    "iso8601-millis": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
    "iso8601-offset": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)"),
    "sql-datetime": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),
}


def _check_time(_: object, form: str, value: object, __: object) -> Iterator[ValidationError]:
    if isinstance(value, str) and form in _TIMES and not _TIMES[form].fullmatch(value):
        yield ValidationError(f"{value!r} is no time of the form {form}")


_Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"x-time-format": _check_time}
)
_registry: Registry[Any] = Registry().with_resource(
    "urn:contract", Resource.from_contents(CONTRACT, default_specification=DRAFT202012)
)


@frozen
class Operation:
    """An operation of the contract.

    Attributes:
        path: With its parameters in braces.
        spec: All that is said of it.
    """

    id: str
    method: str
    path: str
    spec: Mapping[str, Any]

    @property
    def tag(self) -> str:
        """The group that it belongs to."""
        return str(self.spec["tags"][0])

    @property
    def name(self) -> str:
        """Its name within the group."""
        return self.id.removeprefix(f"{self.tag}_")

    @property
    def parameters(self) -> list[Mapping[str, Any]]:
        """The parameters of its query."""
        found = [resolved(parameter) for parameter in self.spec.get("parameters", ())]
        return [parameter for parameter in found if parameter["in"] == "query"]

    @property
    def query(self) -> set[str]:
        """Names of what it takes in its query, without brackets."""
        names = (parameter["name"] for parameter in self.parameters)
        return {name.removeprefix("filter[").removesuffix("]") for name in names}

    @property
    def content_type(self) -> str | None:
        """The type of its body, if it takes one."""
        return next(iter(self._bodies), None)

    @property
    def request(self) -> Mapping[str, Any]:
        """The body that it takes: its schema and examples."""
        return next(iter(self._bodies.values()), {})

    @property
    def _bodies(self) -> Mapping[str, Any]:
        content: Mapping[str, Any] = resolved(self.spec.get("requestBody", {})).get("content", {})
        return content

    @property
    def properties(self) -> dict[str, Any]:
        """The fields of its body."""
        return dict(resolved(self.request.get("schema", {})).get("properties", {}))

    @property
    def examples(self) -> list[Any]:
        """The documented bodies."""
        several = [example["value"] for example in self.request.get("examples", {}).values()]
        return several or ([self.request["example"]] if "example" in self.request else [])

    @property
    def answer(self) -> Mapping[str, Any]:
        """The answer that it gives: its schema and an example."""
        (good,) = (code for code in self.spec["responses"] if code.startswith("2"))
        content = resolved(self.spec["responses"][good]).get("content", {})
        return next(iter(content.values()), {})

    @property
    def example(self) -> Any:
        """The documented answer."""
        return self.answer["example"]

    def check(self, answer: Answer) -> None:
        """Raise an AssertionError if an answer is not one that is promised."""
        responses = self.spec["responses"]
        status = str(answer.status)
        key = status if status in responses else f"{status[0]}XX"
        assert key in responses, f"{self.id}: {status} is not among {', '.join(responses)}"
        stated = [code for code in self.spec["x-stated-status"] if code < 400]
        assert not (stated and answer.status < 400) or answer.status in stated
        response = resolved(responses[key])
        if "content" not in response or answer.status == 204:
            assert not answer.content
            return
        steps = ["paths", self.path, self.method.lower(), "responses", key]
        reference = responses[key].get("$ref", _pointer(steps))
        schema = f"urn:contract{reference}/content/application~1json/schema"
        errors = list(_Validator({"$ref": schema}, registry=_registry).iter_errors(answer.json))
        assert not errors, f"{self.id} {status}: {errors[0].json_path}: {errors[0].message}"


def check_schema(value: Any, schema: Any) -> None:
    """Raise an AssertionError if a value does not keep to a schema of the contract."""
    errors = list(_Validator(_absolute(schema), registry=_registry).iter_errors(value))
    assert not errors, f"{errors[0].json_path}: {errors[0].message}"


def _absolute(schema: Any) -> Any:
    """A schema whose references lead to the contract from wherever it stands."""
    if isinstance(schema, list):
        return [_absolute(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: f"urn:contract{part}" if name == "$ref" else _absolute(part)
        for name, part in schema.items()
    }


def resolved(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of the contract, or the one that it refers to."""
    while "$ref" in part:
        found: Any = CONTRACT
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


def schema_of(name: str) -> Mapping[str, Any]:
    """A schema by its name."""
    found: Mapping[str, Any] = CONTRACT["components"]["schemas"][name]
    return found


def _pointer(steps: list[str]) -> str:
    escaped = (step.replace("~", "~0").replace("/", "~1") for step in steps)
    return "#/" + "/".join(quote(step, safe="~") for step in escaped)


OPERATIONS = [
    Operation(spec["operationId"], method.upper(), path, spec)
    for path, item in CONTRACT["paths"].items()
    for method, spec in item.items()
    if method in _METHODS
]
_PATTERNS = [
    (operation, re.compile(re.sub(r"\{\w+\}", "[^/]+", operation.path)))
    # A literal part comes before a parameter: renew/calculate is no server's.
    for operation in sorted(OPERATIONS, key=lambda one: one.path.count("{"))
]


def operation(name: str) -> Operation:
    """An operation by its id."""
    (found,) = (one for one in OPERATIONS if one.id == name)
    return found


def operation_of(method: str, path: str) -> Operation | None:
    """The operation that a request asks for."""
    path = path.partition("?")[0]
    found = (one for one, pattern in _PATTERNS if one.method == method and pattern.fullmatch(path))
    return next(found, None)
