"""The pages, and the blocks of code on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs

__all__ = ["DOCS", "PAGES", "Block", "blocks_of", "differences", "program_of"]

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(
    path.relative_to(DOCS).as_posix()
    for path in DOCS.rglob("*.md")
    if "_build" not in path.relative_to(DOCS).parts
)

_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_RUN = "\nasyncio.run(main())\n"
_KINDS = {"python", "console", "output", "text", "{toctree}", "{eval-rst}", "{image}", "{include}"}


@attrs.frozen
class Block:
    """Code on a page.

    Attributes:
        kind: ``python`` or ``console``.
        line: The line before its first.
        code: The code.
        output: What it has to print, None if nothing is said of it.
    """

    kind: str
    line: int
    code: str
    output: str | None = None

    @property
    def is_test(self) -> bool:
        """Whether it is for pytest."""
        return bool(re.search(r"^(async )?def test_|^class Test", self.code, re.MULTILINE))

    @property
    def is_run(self) -> bool:
        """Whether it can be run: of commands, those of this package that come to an end."""
        ours = re.match(r"(echo .* > \S+\n)?vpsbg (?!sandbox)", self.code)
        return self.kind == "python" or ours is not None


def blocks_of(page: str) -> Iterator[Block]:
    """The code of a page, in order; a block ``output`` belongs to the one above it."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        kind = match[1].partition(" ")[0]
        assert kind in _KINDS, f"{page}: a block of {kind or 'no language'}"
        found.append(Block(kind, text.count("\n", 0, match.start(2)), match[2]))
    for block, after in pairwise((*found, Block("", 0, ""))):
        if block.kind in ("python", "console"):
            output = after.code if after.kind == "output" else None
            yield attrs.evolve(block, output=output)


def program_of(page: str, number: int = 0) -> Any:
    """What a program on a page defines and sets up, without its last line, which runs it."""
    code = [block.code for block in blocks_of(page) if block.kind == "python"][number]
    names: dict[str, Any] = {"__name__": page}
    exec(compile(code.removesuffix(_RUN), page, "exec"), names)
    return SimpleNamespace(**names)


def differences(block: Block, printed: str) -> list[str]:
    """What a block ought to have printed and has not.

    A program prints what is said and nothing else; of commands, in whose tables there is more, some
    lines are said. ``…`` stands for anything, alone on a line for any lines.
    """
    if block.output is None:
        return []
    told, lines = [*map(_tidy, block.output.splitlines())], [*map(_tidy, printed.splitlines())]
    if block.kind == "console":
        rest = iter(lines)
        return [line for line in told if not any(_is(line, other) for other in rest)]
    pattern = "".join(r"(?s:.*\n|)" if line == "…" else _pattern(line) + r"\n" for line in told)
    whole = "".join(f"{line}\n" for line in lines)
    return [] if re.fullmatch(pattern, whole) else [whole]


def _tidy(line: str) -> str:
    return " ".join(line.split())


def _pattern(line: str) -> str:
    return ".*".join(map(re.escape, line.split("…")))


def _is(line: str, other: str) -> bool:
    return re.fullmatch(_pattern(line), other) is not None
