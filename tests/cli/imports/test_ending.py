"""What an import tells in the end, and how to go on."""

from pathlib import Path
from typing import Any

import pytest

from vpsbg_async.bulk import BulkSummary
from vpsbg_async.cli.exits import FailedError, ImportExit
from vpsbg_async.cli.imports.ending import Ending, show
from vpsbg_async.cli.imports.preview import preview
from vpsbg_async.cli.inputs import Input

from .support import Table

SKIPPED = "what was created is skipped"
SENT = "what was rejected or not sent is sent"
SOUGHT = "what is unknown or was broken off is looked for, and sent again only if it is proved"
NOT_SOUGHT = "is looked for if you leave out --no-reconcile, and sent again only if"
CORRECT = "Correct what was rejected before, and no other rows."
ANEW = "To create it anew, use --no-journal, or another --journal."
AGAIN = "the same command would create again what was created: take those rows out"
LOOK = "may exist: look in the client area"
GONE = "They went to a sandbox"
ALL = {SKIPPED, SENT, SOUGHT, NOT_SOUGHT, CORRECT, ANEW, AGAIN, LOOK, GONE}


def ending(*, of: dict[str, Any] | None = None, **facts: Any) -> Ending:
    defaults: dict[str, Any] = {
        "name": "cases.csv",
        "rows": 10,
        "summary": BulkSummary(**({"created": 10} if of is None else of)),
        "broken_off": 0,
        "stopped": None,
        "failures": [],
        "more": 0,
        "journal": Path("/cases.csv.journal"),
        "report": None,
        "reconcile": True,
        "into_sandbox": False,
    }
    return Ending(**defaults | facts)


@pytest.mark.parametrize(
    ("of", "stopped", "code"),
    [
        ({"created": 8, "skipped": 2}, None, ImportExit.CREATED),
        ({"created": 9, "rejected": 1}, None, ImportExit.REJECTED),
        ({"created": 8, "rejected": 1, "unknown": 1}, None, ImportExit.UNKNOWN),
        ({"created": 1, "rejected": 1, "unknown": 1}, "for a reason", ImportExit.STOPPED),
    ],
)
def test_of_the_codes_that_fit_it_is_the_highest(
    of: dict[str, int], stopped: str | None, code: ImportExit
) -> None:
    assert ending(of=of, stopped=stopped).code is code


@pytest.mark.parametrize(
    ("of", "facts", "told"),
    [
        ({"created": 10}, {}, set()),
        ({"created": 2, "skipped": 8}, {}, {ANEW}),
        ({"created": 10}, {"into_sandbox": True}, {GONE}),
        ({"rejected": 10}, {"into_sandbox": True}, {GONE}),
        ({"created": 9, "rejected": 1}, {}, {SKIPPED, SENT, CORRECT}),
        ({"created": 9, "unknown": 1}, {}, {SKIPPED, SOUGHT}),
        ({"created": 9, "unknown": 1}, {"reconcile": False}, {SKIPPED, NOT_SOUGHT}),
        ({"created": 9}, {"stopped": "asked"}, {SKIPPED, SENT}),
        ({"created": 9}, {"stopped": "asked", "broken_off": 1}, {SKIPPED, SOUGHT}),
        ({"created": 10}, {"journal": None}, set()),
        ({"created": 9, "rejected": 1}, {"journal": None}, {AGAIN}),
        ({"rejected": 10}, {"journal": None}, set()),
        ({"unknown": 10}, {"journal": None}, {LOOK}),
        ({}, {"journal": None, "stopped": "asked", "broken_off": 1}, {LOOK}),
        ({"created": 9, "unknown": 1}, {"journal": None}, {AGAIN, LOOK}),
    ],
)
def test_how_to_go_on(of: dict[str, int], facts: dict[str, Any], told: set[str]) -> None:
    text = " ".join(ending(of=of, **facts).advice())
    assert {part for part in ALL if part in text} == told


def test_what_comes_from_elsewhere_does_nothing_to_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(ending(name="\x1b[2J[red].csv", journal=Path("/\x1b[2J.journal"), of={"created": 1}))
    show(ending(journal=Path("/\x1b[2J.journal"), of={"rejected": 10}))
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[red].csv: 10 rows" in out


async def test_a_file_that_goes_before_it_is_shown(table: Table) -> None:
    path = table.path.parent / "log.txt"
    path.write_text("text")
    with Input.from_path(table.write({"attachments": str(path)})) as source:
        path.unlink()
        with pytest.raises(FailedError, match="when the input was checked: no such file"):
            await preview(source, as_json=False)
