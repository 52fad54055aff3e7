"""``vpsbg tickets journal``."""

import json
from pathlib import Path

import pytest

from vpsbg_async.bulk.journal import Journal
from vpsbg_async.sandbox import Fault, Sandbox

from ..terminal import Run
from .support import IMPORT, REFUSED, Table

JOURNAL = ("tickets", "journal")


@pytest.fixture
def left(run: Run, sandbox: Sandbox, table: Table) -> Path:
    """A journal that two runs have left, with all that can be in it but what is in doubt."""
    sandbox.faults.add(None, None, Fault.DROP_AFTER_PROCESSING)
    table.write({}, {"service_type": "server"}, REFUSED | {"reference": "[red]"}, REFUSED)
    options = ("--no-reconcile", "--concurrency", "1")
    assert run(*IMPORT, table.path, *options).code == 2
    assert run(*IMPORT, table.path, *options).code == 2
    return table.journal


def test_a_table(run: Run, sandbox: Sandbox, left: Path) -> None:
    ran = run(*JOURNAL, left)
    assert (ran.code, ran.err) == (0, "")
    lines = [line.rstrip() for line in ran.out.splitlines()]
    assert lines[0] == f"Tickets at {sandbox.url}, 2 runs"
    rows = [line.split(maxsplit=2) for line in lines]
    assert ["created", "1", "skipped by the next run"] in rows
    assert ["rejected", "2", "sent again by the next run"] in rows
    assert [row[1] for row in rows if row[:1] == ["unknown"]] == ["1"]
    unfinished = [line.split() for line in lines if " POST " in line or " reason " in line]
    assert [row[:3] for row in unfinished] == [
        ["2", "c2", "unknown"],
        ["3", "[red]", "rejected"],
        ["4", "c4", "rejected"],
    ]
    assert all("422" in line for line in lines if " rejected " in line)
    assert lines[-1].startswith("The next run looks for what is unknown or in doubt, and sends it")


def test_in_json(run: Run, sandbox: Sandbox, left: Path) -> None:
    ran = run(*JOURNAL, left, "--json")
    assert (ran.code, ran.err) == (0, "")
    told = json.loads(ran.out)
    entries = told.pop("unfinished")
    assert told == {
        "base_url": sandbox.url,
        "runs": 2,
        "counts": {"created": 1, "rejected": 2, "new": 0, "unknown": 1, "sent": 0},
    }
    assert [(entry["position"], entry["state"]) for entry in entries] == [
        (2, "unknown"),
        (3, "rejected"),
        (4, "rejected"),
    ]
    assert set(entries[0]) == {"reference", "position", "state", "ticket", "reason"}


def test_all_is_created(run: Run, sandbox: Sandbox, table: Table) -> None:
    table.fill(2)
    assert run(*IMPORT, table.path).code == 0
    ran = run(*JOURNAL, table.journal)
    assert ran.code == 0
    assert ran.out.splitlines()[0].endswith(", 1 run")
    assert "Reference" not in ran.out
    assert "The next run looks for" not in ran.out


def test_none(run: Run) -> None:
    ran = run(*JOURNAL, "gone.journal")
    assert (ran.code, ran.out) == (2, "")
    assert "gone.journal" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"dear diary", b"SQLite format 3\0" + bytes(100)])
def test_what_is_no_journal(run: Run, folder: Path, content: bytes) -> None:
    Path("notes").write_bytes(content)
    ran = run(*JOURNAL, "notes")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    assert Path("notes").read_bytes() == content


def test_one_that_is_in_use(
    run: Run, sandbox: Sandbox, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read while the run is about to send something."""
    ran = []
    settle = Journal.settle

    def look(self: Journal, *arguments: object, **facts: object) -> None:
        ran.append(run(*JOURNAL, table.journal))
        settle(self, *arguments, **facts)  # type: ignore[arg-type]

    monkeypatch.setattr(Journal, "settle", look)
    table.fill(1)
    assert run(*IMPORT, table.path).code == 0
    assert (ran[0].code, ran[0].out) == (1, "")
    assert "is in use by another run" in ran[0].err
