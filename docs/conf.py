"""Settings of Sphinx: pages in Markdown, and the reference from the docstrings."""

# ruff: noqa: ARG001, PLR0917 - Sphinx says what its callbacks are given

from __future__ import annotations

import re
import textwrap
from enum import Enum
from typing import Any, Protocol

import attrs
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

from vpsbg_async import APIError, __version__

project = "vpsbg_async"
project_copyright = "the vpsbg_async authors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
nitpicky = True
html_theme = "furo"
html_title = f"vpsbg_async {release}"
html_copy_source = False

myst_heading_anchors = 3

default_role = "py:obj"  # a name in a docstring is a link, and has to lead somewhere
add_module_names = False
python_use_unqualified_type_names = True
maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False

# Where a type of somebody else's is told of. No inventory is fetched: the docs build offline.
_PYTHON = "https://docs.python.org/3/library"
_ELSEWHERE = {
    "asyncio.CancelledError": f"{_PYTHON}/asyncio-exceptions.html#asyncio.CancelledError",
    "asyncio.timeout": f"{_PYTHON}/asyncio-task.html#asyncio.timeout",
    "asyncio.timeouts.Timeout": f"{_PYTHON}/asyncio-task.html#asyncio.Timeout",
    "asyncio.events.TimerHandle": f"{_PYTHON}/asyncio-eventloop.html#asyncio.TimerHandle",
    "asyncio.streams.StreamReader": f"{_PYTHON}/asyncio-stream.html#asyncio.StreamReader",
    "asyncio.streams.StreamWriter": f"{_PYTHON}/asyncio-stream.html#asyncio.StreamWriter",
    "aiohttp.client.ClientSession": (
        "https://docs.aiohttp.org/en/stable/client_reference.html#aiohttp.ClientSession"
    ),
}
_PYTHON_MODULES = (
    *("collections.abc", "contextlib", "datetime", "decimal", "enum"),
    *("os", "pathlib", "ssl"),
)

# Types that show in a signature and that nobody has to know.
nitpick_ignore_regex = [
    ("py:class", r"vpsbg_async\.(core\..*|transport)\.T"),
    ("py:class", r"vpsbg_async\.attachments\.contents\.Content"),
    ("py:class", r"vpsbg_async\.sandbox\.faults\.FaultSettings"),
]

# What a reader makes with its constructor; what the API or a call gives is told by its attributes.
_MADE_BY_HAND = (
    *("Faults", "Limits", "ReconcilePolicy", "Reply", "Request", "RetryPolicy", "TicketDraft"),
    *("Timeouts", "Timing"),
)

_FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_TYPED = re.compile(r"^(\.\. attribute:: \w+)\n((?:   .*\n|\n)*?)\n   (:type: .*)$", re.MULTILINE)
_RETURNS = re.compile(r"^( *)Returns:\n\1    ", re.MULTILINE)


def _mark_code(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Have the code in a docstring, in Markdown's fences or set in, be code for Sphinx.

    And have napoleon take nothing for a type that stands before a colon: types are in signatures.
    """
    text = _FENCE.sub(lambda fence: _code(fence[2], fence[3], fence[1]), "\n".join(lines))
    text = _RETURNS.sub(r"\1:returns: ", text)
    if what in ("attribute", "data", "property"):
        text = f"..\n\n{text}"
    if what == "module":
        text = "\n\n".join(map(_marked, text.split("\n\n")))
    lines[:] = text.split("\n")


def _move_types(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Have the types of attributes stand beside their names, where napoleon puts them below."""
    lines[:] = _TYPED.sub(r"\1\n   \3\n\2", "\n".join(lines)).split("\n")


def _marked(paragraph: str) -> str:
    if "├──" in paragraph:
        return _code("text", paragraph)
    if paragraph.startswith("    "):
        return _code("python", textwrap.dedent(paragraph))
    return paragraph


def _code(language: str, code: str, indent: str = "") -> str:
    return f"{indent}.. code-block:: {language}\n\n{textwrap.indent(code, '   ')}"


def _show_signature(
    app: Sphinx,
    what: str,
    name: str,
    obj: object,
    options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Leave out constructors that nobody calls, and the mark of an argument that is not given."""
    if isinstance(obj, type) and (
        issubclass(obj, Enum)
        or Protocol in obj.__bases__
        or issubclass(obj, APIError)
        or (attrs.has(obj) and obj.__name__ not in _MADE_BY_HAND and _tells_all(obj))
        or {"BulkRun", "Caller", "Pages"} & {obj.__name__, *re.findall(r"\w+", signature or "")}
    ):
        return "", None
    if not signature:
        return signature, returns
    if isinstance(obj, type) and attrs.has(obj):
        for field in attrs.fields(obj):
            signature = signature.replace(f"attr_dict['{field.name}'].default", repr(field.default))
    signature = re.sub(r" \| [\w.~]*Unset\b", "", signature)
    return re.sub(r"\b(UNSET|NOTHING)\b", "...", signature), returns


def _tells_all(model: type[attrs.AttrsInstance]) -> bool:
    """Whether the docstring tells of all attributes, which have their types there then."""
    text = "\n".join(kind.__doc__ or "" for kind in model.__mro__)
    return all(
        re.search(rf"^ +{field.name}: ", text, re.MULTILINE) for field in attrs.fields(model)
    )


def _show_member(
    app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object
) -> bool | None:
    """Show the values of an enumeration, documented or not."""
    return False if isinstance(obj, Enum) and obj.name == name else None


def _find(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.Node | None:
    """Find what a name stands for that is not told from where it is: ours, or Python's own."""
    target = node["reftarget"]
    if target in _ELSEWHERE:
        return nodes.reference("", "", content, refuri=_ELSEWHERE[target], internal=False)
    for module in _PYTHON_MODULES:
        if target.startswith(f"{module}."):
            page = f"{_PYTHON}/{module}.html#{target}"
            return nodes.reference("", "", content, refuri=page, internal=False)
    if target.startswith("vpsbg_async."):  # as it can be imported
        target = target.rpartition(".")[2]
    found = {
        (entry.docname, entry.node_id)
        for name, entry in env.domains.python_domain.objects.items()
        if name.endswith(f".{target}")
    }
    if len(found) != 1:
        return None
    ((page, anchor),) = found
    return make_refnode(app.builder, node["refdoc"], page, anchor, content, target)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", _mark_code, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", _move_types, priority=600)  # after it
    app.connect("autodoc-process-signature", _show_signature)
    app.connect("autodoc-skip-member", _show_member)
    app.connect("missing-reference", _find)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
