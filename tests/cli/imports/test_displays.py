"""What is shown while an import runs."""

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from vpsbg_async.bulk import BulkOutcome, BulkStatus
from vpsbg_async.cli import main, output
from vpsbg_async.cli.imports.displays import Lines, Screen, display_of, shown
from vpsbg_async.cli.imports.standing import Standing, spelled
from vpsbg_async.errors import NotSentError
from vpsbg_async.events import AttemptStarted, Event, GaveUp, Reconciled, Waiting
from vpsbg_async.sandbox import Sandbox

from ..peers import ScriptedServer
from ..terminal import COMMAND, environment, terminal
from .support import Table


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def standing(time: Time) -> Standing:
    return Standing(120, time)


def come(standing: Standing, status: BulkStatus, times: int = 1) -> None:
    for _ in range(times):
        standing.count(BulkOutcome(position=1, reference=None, status=status))


def tell(standing: Standing, kind: type[Event], call: int = 1, **facts: Any) -> None:
    standing(kind(call=call, method="POST", path="/", attempt=1, **facts))


class TestStanding:
    def test_at_the_beginning(self, standing: Standing) -> None:
        assert standing.text() == "0 of 120 rows; 0 created, 0 rejected, 0 unknown, 0 skipped"
        assert standing.rate is None
        assert standing.seconds_left is None

    def test_counts_rate_and_what_is_left(self, standing: Standing, time: Time) -> None:
        come(standing, BulkStatus.SKIPPED, 20)
        time.now += 10
        come(standing, BulkStatus.CREATED, 8)
        come(standing, BulkStatus.REJECTED)
        come(standing, BulkStatus.UNKNOWN)
        assert standing.text() == (
            "30 of 120 rows, 1 min 30 s left; 8 created, 1 rejected, 1 unknown, 20 skipped;"
            " 60 a minute"
        )

    def test_the_rate_is_that_of_the_last_minute(self, standing: Standing, time: Time) -> None:
        come(standing, BulkStatus.CREATED, 50)
        time.now += 30
        come(standing, BulkStatus.CREATED, 10)
        assert standing.rate == 120
        time.now += 40
        assert standing.rate == 10
        assert standing.seconds_left == 360
        time.now += 40
        assert standing.rate is None

    def test_what_is_waited_for(self, standing: Standing, time: Time) -> None:
        tell(standing, Waiting, 1, reason="rate limit", seconds=40)
        tell(standing, Waiting, 2, reason="rate limit", seconds=None)
        tell(standing, Waiting, 3, reason="settling", seconds=30)
        tell(standing, Waiting, 4, reason="retry", seconds=100)
        assert standing.details().endswith(
            "; waits for the rate limit, 40 s; waits until what had no answer must have settled,"
            " 30 s"
        )
        time.now += 10
        assert "rate limit, 30 s" in standing.details()
        tell(standing, AttemptStarted, 1, length=None)
        tell(standing, Reconciled, 3, found=7, absent=False, reason="")
        assert standing.details().endswith("; waits for the rate limit")
        tell(standing, GaveUp, 2, error=NotSentError("no"))
        assert "waits" not in standing.details()

    def test_a_wait_that_is_over(self, standing: Standing, time: Time) -> None:
        tell(standing, Waiting, reason="rate limit", seconds=5)
        time.now += 6
        assert standing.details().endswith("; waits for the rate limit")

    def test_in_the_end_nothing_is_left(self, standing: Standing, time: Time) -> None:
        come(standing, BulkStatus.CREATED, 120)
        time.now += 10
        assert standing.progress() == "120 of 120 rows"

    def test_when_it_is_to_stop(self, standing: Standing, time: Time) -> None:
        come(standing, BulkStatus.CREATED, 2)
        time.now += 10
        standing.is_stopping = True
        assert standing.progress() == "2 of 120 rows, finishing what is under way"

    @pytest.mark.parametrize(
        ("seconds", "told"),
        [
            (0.4, "under 1 s"),
            (12.3, "12 s"),
            (59.6, "1 min"),
            (125, "2 min 5 s"),
            (3600, "1 h 0 min"),
            (3_725, "1 h 2 min"),
        ],
    )
    def test_times(self, seconds: float, told: str) -> None:
        assert spelled(seconds) == told


class TestLines:
    def test_only_what_is_new(self, standing: Standing, capsys: pytest.CaptureFixture[str]) -> None:
        lines = Lines(standing, as_json=False)
        lines.refresh()
        assert capsys.readouterr().err == ""
        come(standing, BulkStatus.CREATED)
        for _ in range(3):
            lines.refresh()
        assert capsys.readouterr().err == f"vpsbg: {standing.text()}\n"

    def test_in_json(self, standing: Standing, capsys: pytest.CaptureFixture[str]) -> None:
        come(standing, BulkStatus.CREATED)
        Lines(standing, as_json=True).refresh()
        told = json.loads(capsys.readouterr().err)
        assert told.pop("note") == standing.text()
        assert told == {"rows": 120, "created": 1, "rejected": 0, "unknown": 0, "skipped": 0}

    def test_one_every_few_seconds(self, standing: Standing) -> None:
        assert Lines(standing, as_json=False).period == 5

    async def test_they_come_while_it_runs(
        self,
        standing: Standing,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        lines = Lines(standing, as_json=False)
        lines.period = 0.001
        told = asyncio.Event()
        monkeypatch.setattr(output, "tell", lambda *_, **__: told.set())
        async with shown(lines):
            come(standing, BulkStatus.CREATED)
            await asyncio.wait_for(told.wait(), 10)

    def test_they_are_for_what_is_no_terminal(self, standing: Standing) -> None:
        assert isinstance(display_of(standing, as_json=False), Lines)


class Gone:
    """A terminal that is not there any more."""

    def isatty(self) -> bool:
        return True

    def write(self, _: str) -> int:
        raise OSError(5, "Input/output error")

    def flush(self) -> None:
        raise OSError(5, "Input/output error")


async def test_a_terminal_that_goes_away_is_no_reason_to_fail(
    standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Gone())
    monkeypatch.setenv("TERM", "xterm")
    display = display_of(standing, as_json=False)
    assert isinstance(display, Screen)
    display.period = 0.001
    async with shown(display):
        await asyncio.sleep(0.01)


async def test_what_fails_within_is_not_hidden(standing: Standing) -> None:
    with pytest.raises(OSError, match="mine"):
        async with shown(Lines(standing, as_json=False)):
            raise OSError("mine")


@pytest.fixture
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The display is refreshed often enough to see what lasts no longer than a request."""
    monkeypatch.setattr(Screen, "period", 0.001)


@pytest.mark.usefixtures("_often")
def test_a_live_display(
    sandbox: Sandbox,
    table: Table,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    table.write(*[{}] * 20, {"service_type": "boat"}, *[{}] * 20)
    with terminal() as screen, os.fdopen(screen.slave, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        assert main(["tickets", "import", str(table.path), "--concurrency", "2"]) == 1
    assert "0 of 41 rows" in screen.text
    assert "1 rejected, 0 unknown, 0 skipped" in screen.text
    assert "row 21" not in screen.text  # that comes in the end
    assert screen.raw.endswith("\x1b[2K")  # and is gone in the end
    out = capsys.readouterr().out
    assert "\nrow 21 (c21) rejected: " in out
    assert "\x1b" not in out


@pytest.mark.usefixtures("_often")
def test_it_tells_of_the_rate_limit(
    server: ScriptedServer, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    def relent() -> None:
        is_first = len(server.bodies) == 2
        server.status, server.answer = (429, {}) if is_first else (201, {"id": len(server.bodies)})
        server.headers = {"Retry-After": "1"} if is_first else {}

    server.when_read = relent
    monkeypatch.setenv("TERM", "xterm")
    table.fill(4)
    with terminal() as screen, os.fdopen(screen.slave, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        assert main(["tickets", "import", str(table.path), "--concurrency", "2"]) == 0
    assert "waits for the rate limit, 1 s" in screen.text


@pytest.mark.usefixtures("_often")
def test_warnings_stand_above_it(
    server: ScriptedServer, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer() -> None:
        server.answer = {"id": len(server.bodies), "messages": [{"id": 1, "attachments": []}]}

    server.when_read = answer
    monkeypatch.setenv("TERM", "xterm")
    (table.path.parent / "log[red].txt").write_text("text")
    table.write({}, {"attachments": "log[red].txt"}, *[{}] * 10)
    with terminal() as screen, os.fdopen(screen.slave, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        assert main(["tickets", "import", str(table.path), "--concurrency", "1"]) == 0
    told = " ".join(screen.text.split())
    assert "vpsbg: warning: row 2 (c2) was created, but not as it should be: " in told
    assert "log[red].txt" in told


def test_a_process_at_a_terminal(sandbox: Sandbox, table: Table) -> None:
    table.fill(30)
    with terminal() as screen:
        command = subprocess.Popen(
            [*COMMAND, "tickets", "import", str(table.path)],
            stdout=subprocess.PIPE,
            stderr=screen.slave,
            env=environment(),
        )
        os.close(screen.slave)
        out, _ = command.communicate(timeout=20)
    assert command.returncode == 0
    assert b"\x1b" not in out
    assert " of 30 rows" in screen.text
