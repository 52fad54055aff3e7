"""``--dry-run``: what would be sent."""

import json
from pathlib import Path

import pytest

from vpsbg_async.sandbox import Sandbox

from ..terminal import Run
from .support import IMPORT, Table


@pytest.fixture(autouse=True)
def _files(table: Table) -> None:
    (table.path.parent / "a.txt").write_bytes(bytes(1500))
    (table.path.parent / "b.txt").write_bytes(bytes(23))
    table.write({"attachments": "a.txt;b.txt"}, {"reference": "", "subject": "[red]Два"})


def test_a_table(run: Run, sandbox: Sandbox, table: Table) -> None:
    ran = run(*IMPORT, table.path, "--dry-run", "--report", "r.csv")
    assert (ran.code, ran.err) == (0, "")
    rows = [line.split() for line in ran.out.splitlines()]
    assert rows[0] == ["Row", "Reference", "Department", "Subject", "Files", "Bytes"]
    assert rows[2] == ["1", "c1", "2", "Case", "1", "2", "1,523"]
    assert rows[3] == ["2", "2", "[red]Два", "0", "0"]
    assert "2 tickets with 2 files of 1,523 bytes would be sent." in ran.out
    assert not sandbox.faults.met
    assert not table.journal.exists()
    assert list(Path.cwd().iterdir()) == []


def test_in_json(run: Run, table: Table) -> None:
    ran = run(*IMPORT, table.path, "--dry-run", "--json")  # without a key
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out) == {
        "tickets": 2,
        "files": 2,
        "bytes": 1523,
        "rows": [
            {
                "position": 1,
                "reference": "c1",
                "department_id": 2,
                "subject": "Case 1",
                "files": 2,
                "bytes": 1523,
            },
            {
                "position": 2,
                "reference": None,
                "department_id": 2,
                "subject": "[red]Два",
                "files": 0,
                "bytes": 0,
            },
        ],
    }


def test_what_is_wrong_is_told(run: Run, table: Table) -> None:
    (table.path.parent / "a.txt").unlink()
    ran = run(*IMPORT, table.path, "--dry-run")
    assert (ran.code, ran.out) == (2, "")
    assert "attachments: no such file: 'a.txt'" in ran.err
