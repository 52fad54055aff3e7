"""What the README says in figures and tables, the page of guarantees says too."""

from __future__ import annotations

import re

from .pages import DOCS

README = (DOCS.parent / "README.md").read_text(encoding="utf-8")
GUARANTEES = (DOCS / "guarantees.md").read_text(encoding="utf-8")


def test_the_table_of_outcomes_is_the_same() -> None:
    heading = "| `outcome` | meaning |"
    table = _table(README, heading)
    assert len(table) > 4
    assert _table(GUARANTEES, heading) == table


def test_the_readme_tells_what_was_measured() -> None:
    told = re.search(r"of ([0-9,]+)\s+tickets .*\sleaves ([0-9]+)\s+too many", README, re.DOTALL)
    assert told is not None
    creates, doubled = told[1].replace(",", ""), told[2]
    assert f'| `on_unknown="reconcile"` | {creates} | 0 | 0 |' in GUARANTEES
    assert re.search(rf"\| aiohttp, `tenacity` .*\| {doubled} \|", GUARANTEES)


def _table(text: str, heading: str) -> list[str]:
    _, found, rest = text.partition(heading)
    assert found, f"there is no table that begins with {heading}"
    return (found + rest).partition("\n\n")[0].splitlines()
