"""What is wrong with an input or an option: told, and nothing is sent."""

import json
import os
from pathlib import Path

import pytest

from vpsbg_async.sandbox import Sandbox

from ..terminal import Run
from .support import IMPORT, Table


def test_all_of_it_is_told_and_nothing_is_sent(run: Run, sandbox: Sandbox, table: Table) -> None:
    table.write({}, {"subject": "No"}, {"attachments": "gone.txt", "department_id": "x"})
    ran = run(*IMPORT, table.path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        f"{table.path}:3: subject: must have at least 3 characters, not 2",
        f"{table.path}:4: department_id: must be a whole number, not 'x'",
        f"{table.path}:4: attachments: no such file: 'gone.txt'",
        "vpsbg: 3 problems, so nothing was sent",
    ]
    assert not sandbox.faults.met
    assert not table.journal.exists()


def test_in_json(run: Run, sandbox: Sandbox, table: Table) -> None:
    table.write({"subject": "No"})
    ran = run(*IMPORT, table.path, "--json")
    assert (ran.code, ran.out) == (2, "")
    assert json.loads(ran.err) == {
        "error": "1 problem, so nothing was sent",
        "problems": [
            {
                "file": str(table.path),
                "line": 2,
                "text": "must have at least 3 characters, not 2",
                "column": "subject",
                "position": None,
            }
        ],
        "left_out": 0,
    }


def test_more_than_anybody_reads(run: Run, table: Table) -> None:
    table.write(*[{"subject": "No"}] * 1002)
    lines = run(*IMPORT, table.path).err.splitlines()
    assert lines[-2:] == ["and 2 more", "vpsbg: 1,002 problems, so nothing was sent"]
    assert len(lines) == 1002


def test_what_a_problem_quotes_does_nothing_to_a_terminal(run: Run, table: Table) -> None:
    table.write({"attachments": "\x1b[2Jgone"})
    assert "\x1b" not in run(*IMPORT, table.path).err


def test_without_a_key(run: Run, table: Table) -> None:
    table.fill(1)
    ran = run(*IMPORT, table.path)
    assert (ran.code, ran.out) == (2, "")
    assert "there is no API key" in ran.err
    assert not table.journal.exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--journal a --no-journal", "--journal and --no-journal contradict each other"),
        ("--attachments-dir nowhere", "attachments_dir: cannot be entered (No such file"),
        ("--concurrency 0", "--concurrency"),
        ("--concurrency 1.5", "'1.5' is not a whole number"),
        ("--format xml", "--format"),
        ("--dry-rum", "'--dry-rum' looks like an option"),
    ],
)
def test_options(run: Run, sandbox: Sandbox, table: Table, options: str, told: str) -> None:
    table.fill(1)
    ran = run(*IMPORT, *options.split(), table.path)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert ran.err.count("\n") == 1
    assert not sandbox.faults.met


@pytest.mark.parametrize("name", ["gone.csv", ".", "cases.dat"])
def test_a_file_that_is_none(run: Run, sandbox: Sandbox, table: Table, name: str) -> None:
    Path("cases.dat").touch()
    ran = run(*IMPORT, name)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1


def test_standard_input_that_is_closed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    ran = run(*IMPORT, "-")
    assert (ran.code, ran.err) == (2, "vpsbg: file: standard input is closed\n")


def test_a_pipe_has_no_journal_beside_it(run: Run, sandbox: Sandbox, table: Table) -> None:
    table.fill(1)
    read, write = os.pipe()
    os.write(write, table.path.read_bytes())
    os.close(write)
    try:
        ran = run(*IMPORT, f"/dev/fd/{read}", "--json")
    finally:
        os.close(read)
    assert ran.code == 0
    assert json.loads(ran.out)["journal"] is None
