"""The documented table of calls is that of the contract, and each of them is there."""

from __future__ import annotations

import re

from tests.contract.coverage import PLACE, coverage
from vpsbg_async import VPSBG


def test_it_is_current() -> None:
    told = PLACE.read_text(encoding="utf-8")
    assert told == coverage(), "run: python -m tests.contract.coverage"


def test_each_operation_has_its_method() -> None:
    vps = VPSBG("key")
    calls = re.findall(r"^\| `vps\.(\w+)\.(\w+)` \|", coverage(), re.MULTILINE)
    assert len(calls) == len(set(calls)) == 58
    assert len({tag for tag, _ in calls}) == 18
    for tag, name in calls:
        assert callable(getattr(getattr(vps, tag), name))


def test_what_has_no_path_is_told() -> None:
    _, _, told = coverage().partition("## Without a path")
    assert told.count("| GET |") + told.count("| POST |") > 15
    assert len(re.findall(r"^\| [^-s].*\|$", told, re.MULTILINE)) == 27
