"""A run without a journal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bulk.support import Task
from vpsbg_async.bulk.scratchpad import Scratchpad
from vpsbg_async.bulk.states import Admission, State, Verdict


@pytest.fixture
async def scratchpad() -> AsyncIterator[Scratchpad]:
    scratchpad = Scratchpad()
    yield scratchpad
    await scratchpad.close()


class Secretive(Task):
    """A job whose content nobody can tell."""

    def digest(self) -> bytes:
        raise AssertionError("it is of no interest")


class TestScratchpad:
    async def test_lets_a_reference_in_once(self, scratchpad: Scratchpad) -> None:
        verdicts = [(await scratchpad.admit(Task(name), 1)).verdict for name in "abacab"]
        new, repeated = Verdict.SEND, Verdict.REPEATED
        assert verdicts == [new, new, repeated, new, repeated, repeated]

    @pytest.mark.parametrize("state", State)
    async def test_whatever_has_become_of_it(self, scratchpad: Scratchpad, state: State) -> None:
        admission = await scratchpad.admit(Task("a"), 1)
        await scratchpad.send(admission.identity, "words", 1000.0)
        scratchpad.settle(admission.identity, state, 1001.0, ticket=216, reason="any")
        assert (await scratchpad.admit(Task("a"), 2)).verdict is Verdict.REPEATED

    async def test_tells_apart_what_only_looks_alike(self, scratchpad: Scratchpad) -> None:
        for name in ["a", "A", " a", "a\0", "a\0b", "é", "e\u0301", "1", "01", "1.0"]:
            assert (await scratchpad.admit(Task(name), 1)).verdict is Verdict.SEND, name

    async def test_lets_all_in_that_have_none(self, scratchpad: Scratchpad) -> None:
        for _ in range(3):
            admission = await scratchpad.admit(Secretive(), 1)
            assert admission == Admission(identity="", verdict=Verdict.SEND)

    async def test_knows_nothing_of_another(self, scratchpad: Scratchpad) -> None:
        other = Scratchpad()
        await other.admit(Task("a"), 1)
        assert (await scratchpad.admit(Task("a"), 1)).verdict is Verdict.SEND
        await other.close()

    async def test_leaves_nothing(
        self, scratchpad: Scratchpad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Though it takes more room than SQLite has in memory."""
        monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        names = [f"{number:0250}" for number in range(12_000)]
        for name in names:
            assert (await scratchpad.admit(Task(name), 1)).verdict is Verdict.SEND
        for name in names[::100]:
            assert (await scratchpad.admit(Task(name), 1)).verdict is Verdict.REPEATED
        await scratchpad.close()
        assert not [*tmp_path.iterdir()]  # noqa: ASYNC240 - as instant as can be

    async def test_may_be_closed_twice(self, scratchpad: Scratchpad) -> None:
        await scratchpad.close()
