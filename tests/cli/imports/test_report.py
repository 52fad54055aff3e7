"""What became of each row, in a file."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from vpsbg_async.sandbox import Sandbox

from ..peers import ScriptedServer
from ..terminal import Run
from .support import IMPORT, REFUSED, Table, report_in


@pytest.mark.parametrize("ending", ["csv", "jsonl", "CSV"])
def test_a_row_for_each(run: Run, sandbox: Sandbox, table: Table, ending: str) -> None:
    path = Path(f"r.{ending}")
    path.write_text("of an earlier run\n" * 1000)
    table.write({"reference": ""}, REFUSED, {"reference": 'тре,ти"'})
    assert run(*IMPORT, table.path, "--report", path).code == 1
    if ending == "CSV":
        path = path.rename("r.csv")
    rows = report_in(path)
    empty = None if ending == "jsonl" else ""
    as_told: Callable[[Any], Any] = (lambda it: it) if ending == "jsonl" else str
    assert list(rows[0]) == [
        *("position", "reference", "status", "ticket_id", "error"),
        *("attachment_mismatches", "attempts", "started_at", "seconds"),
    ]
    assert [row["position"] for row in rows] == [as_told(number) for number in (1, 2, 3)]
    assert [row["reference"] for row in rows] == [empty, "c2", 'тре,ти"']
    assert [row["status"] for row in rows] == ["created", "rejected", "created"]
    ids = {ticket.subject: ticket.id for ticket in sandbox.tickets}
    assert rows[0]["ticket_id"] == as_told(ids["Case 1"])
    assert rows[1]["ticket_id"] == empty
    assert "answered 422" in rows[1]["error"]
    assert rows[0]["error"] == empty
    assert rows[0]["attachment_mismatches"] in (empty, [])
    assert {row["attempts"] for row in rows} == {as_told(1)}
    assert all(datetime.fromisoformat(row["started_at"]).tzinfo for row in rows)
    assert all(0 < float(row["seconds"]) < 60 for row in rows)
    assert run(*IMPORT, table.path, "--report", path).code == 1
    again = report_in(path)
    assert [row["status"] for row in again] == ["skipped", "rejected", "skipped"]
    assert again[0]["ticket_id"] == rows[0]["ticket_id"]


def test_each_row_is_there_when_the_next_is_sent(
    run: Run, server: ScriptedServer, table: Table
) -> None:
    seen = []
    report = Path("r.csv").absolute()

    def look() -> None:
        server.answer = {"id": len(server.bodies)}
        seen.append(len(report_in(report)))

    server.when_read = look
    table.fill(4)
    assert run(*IMPORT, table.path, "--report", "r.csv", "--concurrency", "1").code == 0
    # With one under way, the outcome before the last has been taken for certain.
    assert all(count >= number - 2 for number, count in enumerate(seen))
    assert seen[-1] >= 2


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("r.txt", "report: must end in .csv or .jsonl: "),
        ("r", "report: must end in .csv or .jsonl: "),
        ("nowhere/r.csv", "report: cannot be written (No such file or directory): "),
        ("folder.csv", "report: cannot be written (Is a directory): "),
        ("../cases.csv", "report: would overwrite a file that the import needs: "),
        ("mine.csv", "report: would overwrite a file that the import needs: "),
    ],
)
def test_what_can_be_none(run: Run, sandbox: Sandbox, table: Table, path: str, told: str) -> None:
    Path("folder.csv").mkdir()
    Path("mine.csv").touch()
    table.fill(1)
    before = table.path.read_bytes()
    ran = run(*IMPORT, table.path, "--report", path, "--journal", "mine.csv")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"vpsbg: {told}")
    assert table.path.read_bytes() == before
    assert not sandbox.faults.met


def test_an_earlier_one_stays_if_nothing_begins(
    run: Run, server: ScriptedServer, table: Table
) -> None:
    server.status = 401
    Path("r.csv").write_text("of an earlier run")
    table.fill(1)
    assert run(*IMPORT, table.path, "--report", "r.csv").code == 3
    assert Path("r.csv").read_text() == "of an earlier run"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_one_that_cannot_be_written_any_more_stops_it(
    run: Run, sandbox: Sandbox, table: Table
) -> None:
    Path("r.csv").symlink_to("/dev/full")
    table.fill(20)
    ran = run(*IMPORT, table.path, "--report", "r.csv", "--concurrency", "2", "--json")
    assert ran.code == 3
    told = json.loads(ran.out)
    assert told["stopped"].endswith("r.csv cannot be written any more (No space left on device)")
    assert 0 < told["created"] == len(sandbox.tickets) < 20
    assert told["created"] + told["not_sent"] == 20
    assert run(*IMPORT, table.path).code == 0
    assert len(sandbox.tickets) == 20


def test_is_none_of_the_files_that_are_sent(run: Run, sandbox: Sandbox, table: Table) -> None:
    sent = table.path.parent / "sent.csv"
    sent.write_text("to be sent")
    table.write({}, {"attachments": "sent.csv"})
    ran = run(*IMPORT, table.path, "--report", sent)
    assert (ran.code, ran.out) == (2, "")
    assert "would overwrite a file that the import needs" in ran.err
    assert sent.read_text() == "to be sent"
    assert not sandbox.faults.met
