"""What an import tells beside its summary: warnings, JSON, and never the key."""

import json
from pathlib import Path

import pytest

from vpsbg_async.cli.imports import intake
from vpsbg_async.sandbox import Sandbox

from ..peers import ScriptedServer
from ..terminal import Run
from .support import IMPORT, REFUSED, Table, report_in


class TestWarnings:
    def test_files_that_did_not_arrive_as_sent(
        self, run: Run, server: ScriptedServer, table: Table
    ) -> None:
        (table.path.parent / "log.txt").write_text("text")
        server.answer = {
            "id": 7,
            "messages": [{"id": 1, "attachments": [{"id": 1, "name": "log.txt", "size": 3}]}],
        }
        table.write({"attachments": "log.txt"})
        ran = run(*IMPORT, table.path, "--report", "r.csv")
        assert ran.code == 0
        assert ran.err.startswith("vpsbg: warning: row 1 (c1) was created, but not as it should be")
        (row,) = report_in(Path("r.csv"))
        assert row["attachment_mismatches"] in ran.err
        assert row["status"] == "created"

    def test_an_answer_that_cannot_be_read(
        self, run: Run, server: ScriptedServer, table: Table
    ) -> None:
        def answer() -> None:
            server.answer = {} if len(server.bodies) == 1 else b"<html>"

        server.when_read = answer
        table.fill(1)
        ran = run(*IMPORT, table.path, "--no-reconcile", "--report", "r.jsonl", "--json")
        assert ran.code == 2, "it may be the answer of a proxy"
        (row,) = report_in(Path("r.jsonl"))
        assert (row["status"], row["ticket_id"]) == ("unknown", None)
        assert "it was processed: do not send it again" in row["error"]


class TestJSON:
    def test_the_summary(self, run: Run, sandbox: Sandbox, table: Table) -> None:
        table.write({}, REFUSED, {"reference": ""})
        ran = run(*IMPORT, table.path, "--json", "--report", "r.csv")
        assert ran.code == 1
        told = json.loads(ran.out)
        assert 0 < told.pop("seconds") < 60
        (failure,) = told.pop("failures")
        assert failure.pop("reason").startswith("POST /support/tickets: answered 422")
        assert failure == {"position": 2, "reference": "c2", "status": "rejected"}
        assert told == {
            "file": str(table.path),
            "rows": 3,
            "created": 2,
            "skipped": 0,
            "rejected": 1,
            "unknown": 0,
            "broken_off": 0,
            "not_sent": 0,
            "attachments_differ": 0,
            "stopped": None,
            "journal": str(table.journal),
            "report": str(Path("r.csv").absolute()),
            "sandbox": False,
            "failures_left_out": 0,
        }
        note = json.loads(ran.err)
        assert (note["position"], note["reference"], note["status"]) == (2, "c2", "rejected")

    def test_more_failures_than_anybody_reads(
        self, run: Run, sandbox: Sandbox, table: Table, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(intake, "_KEPT", 2)
        table.write(*[REFUSED] * 5)
        told = json.loads(run(*IMPORT, table.path, "--json").out)
        assert (len(told["failures"]), told["failures_left_out"]) == (2, 3)
        assert "and 3 more, which a --report tells of" in run(*IMPORT, table.path).out


class TestSecrecy:
    def test_the_key_is_nowhere(self, run: Run, server: ScriptedServer, table: Table) -> None:
        key = "key-of-the-test"

        def tell() -> None:
            server.status = 200 if len(server.bodies) == 1 else 422

        server.answer = {"message": f"No: {key}", "errors": {"subject": [f"not {key}"]}}
        server.headers = {"X-Request-Id": key}
        server.when_read = tell
        table.fill(2)
        ran = run(*IMPORT, table.path, "--report", "r.csv")
        assert ran.code == 1
        assert "not ***" in ran.out
        told = run("tickets", "journal", table.journal)
        assert "not ***" in told.out
        written = [path.read_bytes() for path in (table.journal, Path("r.csv"))]
        texts = [ran.out, ran.err, told.out, told.err, run(*IMPORT, table.path, "--json").out]
        assert not any(key in text for text in texts)
        assert not any(key.encode() in data for data in written)
