"""What holds for any input at all, through the command itself: a bad row sends nothing."""

import contextlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vpsbg_async.cli import main
from vpsbg_async.cli.inputs import Format
from vpsbg_async.sandbox import Sandbox

from ..inputs.test_any_input import BAD, CHANGES, FILES, FORMATS, GOOD, written
from ..peers import running_sandbox, watching
from ..terminal import Ran

some = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    """One sandbox for all examples: none of them may send anything, or it may be anything."""
    with running_sandbox(faults=watching(), rate_limit=100_000) as running:
        yield running


def import_(data: bytes, file_format: Format, sandbox: Sandbox) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("VPSBG_BASE_URL", sandbox.url)
        patch.setenv("VPSBG_API_KEY", sandbox.api_key)
        path = Path(folder, f"in.{file_format}")
        path.write_bytes(data)
        code = main(["tickets", "import", str(path), "--concurrency", "2"])
        assert path.with_name(f"{path.name}.journal").exists() == (code != 2)
    return Ran(code, out.getvalue(), err.getvalue())


@some
@given(st.lists(GOOD, min_size=1, max_size=6), BAD, st.data(), FORMATS)
def test_a_bad_row_sends_nothing(
    shared: Sandbox,
    rows: list[dict[str, Any]],
    bad: dict[str, Any],
    data: st.DataObject,
    file_format: Format,
) -> None:
    requests = len(shared.faults.met)
    rows[data.draw(st.integers(0, len(rows) - 1))] |= bad
    ran = import_(written(rows, file_format), file_format, shared)
    assert (ran.code, ran.out) == (2, "")
    assert "so nothing was sent\n" in ran.err
    assert len(shared.faults.met) == requests


@some
@given(FILES, CHANGES)
def test_any_file_is_sent_whole_or_not_at_all(
    shared: Sandbox, file: tuple[bytes, Format], changes: list[tuple[float, int, bytes]]
) -> None:
    data, file_format = file
    for place, dropped, added in changes:
        at = int(place * len(data))
        data = data[:at] + added + data[at + dropped :]
    requests, tickets = len(shared.faults.met), len(shared.tickets)
    ran = import_(data, file_format, shared)
    assert "unexpected" not in ran.err
    assert ran.code in (0, 1, 2)
    if ran.code == 2:
        assert len(shared.faults.met) == requests
    else:  # 1: of what the server alone refuses, such as a kind of service
        assert len(shared.faults.met) > requests
        assert ran.code == 1 or len(shared.tickets) > tickets
