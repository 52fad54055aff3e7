"""What the README says in figures and tables, the page of guarantees says too."""

from __future__ import annotations

import pytest

from .pages import DOCS

README = (DOCS.parent / "README.md").read_text(encoding="utf-8")
GUARANTEES = (DOCS / "guarantees.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "heading",
    [
        "| `outcome` | meaning |",
        "| what happened | reads, and what is idempotent |",
        "| | as they should be | tickets too many |",
    ],
)
def test_a_table_is_the_same(heading: str) -> None:
    table = _table(README, heading)
    assert len(table) > 4
    assert _table(GUARANTEES, heading) == table


def _table(text: str, heading: str) -> list[str]:
    _, found, rest = text.partition(heading)
    assert found, f"there is no table that begins with {heading}"
    return (found + rest).partition("\n\n")[0].splitlines()
