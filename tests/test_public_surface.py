"""What the package shows to others, and how its parts lean on each other."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
import types
import typing
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import attrs
import pytest

import vpsbg_async
from vpsbg_async import testing
from vpsbg_async.services import Services

ROOT = Path(vpsbg_async.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
each_module = pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix()
)


def name_of(path: Path) -> str:
    """The dotted name of a module of ours."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """The part of the house that a module belongs to; the package's own name for its front door."""
    return module.removeprefix("vpsbg_async").removeprefix(".").split(".")[0] or "vpsbg_async"


def imported_by(path: Path) -> Iterator[str]:
    """Full names of what a module imports, wherever in it."""
    name = name_of(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(filter(None, (above, node.module)))
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


class TestNames:
    @pytest.mark.parametrize("module", [vpsbg_async, testing], ids=lambda module: module.__name__)
    def test_all_is_sorted_and_complete(self, module: types.ModuleType) -> None:
        def by_case(name: str) -> tuple[bool, bool, str]:
            return (not name.isupper(), not name[0].isupper(), name)

        assert module.__all__ == sorted(module.__all__, key=by_case)
        assert len(set(module.__all__)) == len(module.__all__)
        for name in module.__all__:
            getattr(module, name)  # some are loaded when they are asked for
        public = {
            name
            for name, value in vars(module).items()
            if not name.startswith("_") and not isinstance(value, types.ModuleType)
        }
        assert public == set(module.__all__) - {"__version__"}

    def test_what_is_public(self) -> None:
        """A change here is a change of the interface: tell of it in the changelog."""
        assert set(vpsbg_async.__all__) >= {
            *("VPSBG", "AiohttpTransport", "Attachment", "Limits", "Outcome", "Page", "Pages"),
            *("Ticket", "TicketDraft", "TicketMessage", "Timeouts", "Transport", "outcome_of"),
        }

    def test_every_error_is_public(self) -> None:
        errors = importlib.import_module("vpsbg_async.errors")
        assert set(errors.__all__) <= set(vpsbg_async.__all__)

    @each_module
    def test_every_module_has_its_all(self, path: Path) -> None:
        if path.name in {"__main__.py", "_version.py"} or not ast.parse(path.read_text()).body[1:]:
            return  # run, or nothing but a docstring
        module = importlib.import_module(name_of(path))
        assert module.__all__ == sorted(
            module.__all__,
            key=lambda name: (not name.isupper(), not name[0].isupper(), name),
        )
        assert not [name for name in module.__all__ if not hasattr(module, name)]

    def test_the_version(self) -> None:
        assert vpsbg_async.__version__.count(".") == 2

    def test_the_types_are_shipped(self) -> None:
        assert resources.files("vpsbg_async").joinpath("py.typed").is_file()


def public_things() -> Iterator[tuple[str, object]]:
    """Everything that is public, with the public members of classes."""
    for module in (vpsbg_async, testing):
        yield from exported_by(module, module.__name__)
    vps = vpsbg_async.VPSBG("key")
    for name, member in vars(Services).items():
        if type(member).__name__ == "cached_property":
            module = sys.modules[type(getattr(vps, name)).__module__]
            yield from exported_by(module, f"vpsbg_async.VPSBG.{name}")


def exported_by(module: types.ModuleType, place: str) -> Iterator[tuple[str, object]]:
    for name in module.__all__:
        thing = getattr(module, name)
        if isinstance(thing, str) or not (inspect.isclass(thing) or callable(thing)):
            continue
        yield f"{place}.{name}", thing
        if inspect.isclass(thing):
            for member, value in vars(thing).items():
                if not member.startswith("_") and is_code(value):
                    yield f"{place}.{name}.{member}", value


def is_code(value: object) -> bool:
    kinds = (types.FunctionType, classmethod, staticmethod, property)
    return isinstance(value, kinds) or type(value).__name__ == "cached_property"


THINGS = dict(public_things())


class TestDocumentation:
    @pytest.mark.parametrize("name", THINGS)
    def test_all_that_is_public_is_documented(self, name: str) -> None:
        thing = THINGS[name]
        if typing.get_origin(thing) is not None or isinstance(thing, types.UnionType):
            return  # an alias of types has no docstring at run time
        text = getattr(thing, "__doc__", None) or ""
        assert len(text.split()) >= 2
        assert not text.startswith(f"{name.rpartition('.')[2]}("), "attrs or dataclasses wrote it"

    def test_it_is_not_for_nothing(self) -> None:
        assert len(THINGS) > 80
        assert {"vpsbg_async.VPSBG.request", "vpsbg_async.Attachment.from_path"} <= THINGS.keys()

    @each_module
    def test_every_module_is_documented(self, path: Path) -> None:
        if path.name != "_version.py":
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))

    @pytest.mark.parametrize(
        "kind",
        [thing for thing in THINGS.values() if isinstance(thing, type) and attrs.has(thing)],
    )
    def test_every_field_is_documented(self, kind: type[attrs.AttrsInstance]) -> None:
        text = " ".join(base.__doc__ or "" for base in kind.__mro__)
        missing = [field.name for field in attrs.fields(kind) if f"{field.name}: " not in text]
        assert not missing


def contains_any(hint: object) -> bool:
    return hint is Any or any(contains_any(part) for part in typing.get_args(hint))


# Raw JSON has no narrower type.
RAW_JSON = {
    ("vpsbg_async.VPSBG.request", "json"),
    ("vpsbg_async.VPSBG.request", "return"),
    ("vpsbg_async.VPSBG.servers.Servers.deploy", "return"),
    ("vpsbg_async.testing.Call.json", "return"),
    ("vpsbg_async.testing.Reply", "json"),
}


def hints_of(name: str) -> Iterator[tuple[str, object]]:
    thing: Any = THINGS[name]
    if isinstance(thing, type):
        if attrs.has(thing):
            for field in attrs.fields(attrs.resolve_types(thing)):
                yield field.name, field.type
            return
        thing = vars(thing).get("__init__")
    elif isinstance(thing, classmethod | staticmethod):
        thing = thing.__func__
    elif isinstance(thing, property):
        thing = thing.fget
    elif not isinstance(thing, types.FunctionType):
        thing = getattr(thing, "func", None)
    if isinstance(thing, types.FunctionType):
        yield from typing.get_type_hints(inspect.unwrap(thing)).items()


class TestTypes:
    @pytest.mark.parametrize("name", THINGS)
    def test_nothing_public_is_of_any_type_but_raw_json(self, name: str) -> None:
        wrong = {
            argument
            for argument, hint in hints_of(name)
            if contains_any(hint) and (name, argument) not in RAW_JSON and argument != "extra"
        }
        assert not wrong

    def test_it_is_not_for_nothing(self) -> None:
        assert dict(hints_of("vpsbg_async.VPSBG.request"))["json"] is Any
        assert "max_files" in dict(hints_of("vpsbg_async.Limits"))
        assert "base_url" in dict(hints_of("vpsbg_async.VPSBG"))
        assert "path" in dict(hints_of("vpsbg_async.Attachment.from_path"))
        assert "return" in dict(hints_of("vpsbg_async.VPSBG.tickets.Tickets.create"))

    def test_arguments_go_by_name(self) -> None:
        """But for an id, a path, or the one thing that it is about."""
        for name, thing in THINGS.items():
            if not isinstance(thing, types.FunctionType) or ".testing." in name:
                continue
            positional = [
                parameter.name
                for parameter in inspect.signature(thing).parameters.values()
                if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.name != "self"
            ]
            assert len(positional) <= 2, name


# Who may import whom, from the top of the house to its ground. The sandbox and the testing module
# stand beside it, and no part of it may know of them, but for the command, which runs the sandbox.
GROUND = {"errors", "events", "settings", "_version"}
BELOW: dict[str, set[str]] = {
    "errors": set(),
    "events": {"errors"},
    "settings": {"errors"},
    "_version": set(),
    "transport": GROUND,
    "attachments": GROUND,
    "core": {"attachments", "transport", *GROUND},
    "bulk": {"core", *GROUND},
    "services": {"bulk", "core", "attachments", "transport", *GROUND},
    "models": {"services"},
    "client": {"services", "core", "attachments", "transport", *GROUND},
    "vpsbg_async": {"client", "services", "bulk", "core", "attachments", "transport", *GROUND},
    "testing": {"core", "attachments", "transport", *GROUND},
    "sandbox": set(),
    "cli": {
        *("vpsbg_async", "client", "services", "bulk", "core", "attachments", "transport"),
        *("sandbox", *GROUND),
    },
}
ONLY_IN = {
    "aiohttp": {"transport/aiohttp.py"},
    "cattrs": {"core/convert.py"},
    "aiofiles": {"attachments/files.py"},
    "orjson": {"core/convert.py"},
    "httpcore2": {"transport/httpx.py"},
    "httpx2": {"transport/httpx.py"},
}
EXTRAS = {"cyclopts", "rich"}


class TestImports:
    @each_module
    def test_point_down_only(self, path: Path) -> None:
        room = room_of(name_of(path))
        for name in imported_by(path):
            if name.split(".")[0] != "vpsbg_async":
                continue
            other = room_of(name)
            front_door = other == "vpsbg_async" or other not in BELOW  # a name that it exports
            assert other == room or ("vpsbg_async" if front_door else other) in BELOW[room], name

    def test_every_room_is_known(self) -> None:
        assert {room_of(name_of(path)) for path in MODULES} <= BELOW.keys()

    @each_module
    def test_a_library_is_used_in_one_place(self, path: Path) -> None:
        place = path.relative_to(ROOT).as_posix()
        if place.startswith("sandbox/"):
            return
        for name in imported_by(path):
            library = name.split(".")[0]
            assert place in ONLY_IN.get(library, {place}), name
            assert library not in EXTRAS or place.startswith("cli/"), name

    @each_module
    def test_beyond_these_it_is_the_standard_library(self, path: Path) -> None:
        known = {*sys.stdlib_module_names, *ONLY_IN, *EXTRAS, "vpsbg_async", "attrs"}
        known |= {"yarl", "multidict"}  # aiohttp speaks in their types
        for name in imported_by(path):
            assert name.split(".")[0] in known, name

    def test_the_one_place_uses_it(self) -> None:
        """Or the rules above would hold for nothing."""
        for library, places in ONLY_IN.items():
            for place in places:
                assert library in {name.split(".")[0] for name in imported_by(ROOT / place)}

    def test_a_test_of_the_rule_itself(self) -> None:
        assert "vpsbg_async.errors" in set(imported_by(ROOT / "core" / "call.py"))
        assert "vpsbg_async.core.convert" in set(imported_by(ROOT / "core" / "caller.py"))
        assert "vpsbg_async.client" in set(imported_by(ROOT / "__init__.py"))
        assert room_of("vpsbg_async.core.call.Call") == "core"

    def test_importing_the_package_imports_no_more_than_it_needs(self) -> None:
        script = "import sys, vpsbg_async; print(*sys.modules, sep='\\n')"
        loaded = subprocess.run(
            [sys.executable, "-W", "error", "-c", script],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        assert "vpsbg_async.client" in loaded
        beside = ("vpsbg_async.sandbox", "vpsbg_async.testing", "vpsbg_async.cli", "aiohttp.web")
        wrong = {*beside, *EXTRAS, "pytest", "sqlite3"} & set(loaded)
        assert not wrong

    @pytest.mark.parametrize(
        "name", [module.name for module in pkgutil.iter_modules([str(ROOT)], "vpsbg_async.")]
    )
    def test_each_part_can_be_imported_first(self, name: str) -> None:
        subprocess.run([sys.executable, "-W", "error", "-c", f"import {name}"], check=True)
