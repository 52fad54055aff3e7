"""``vpsbg tickets journal``: what the runs of an import have left."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Path as PathValidator

from ...bulk.states import Entry, State
from .. import output
from ..parameters import AsJSON

if TYPE_CHECKING:
    from ...bulk.journal import JournalState

__all__ = ["journal"]

# In the order in which they are shown: what they are called, and what a run will do with them.
_STATES = {
    State.CREATED: ("created", "skipped by the next run"),
    State.REJECTED: ("rejected", "sent again by the next run"),
    State.NEW: ("not sent", "or certainly not acted on; sent by the next run"),
    State.UNKNOWN: (
        "unknown",
        "sent, and nobody could tell whether it was created; looked for by the next run",
    ),
    State.SENT: (
        "in doubt",
        "sent, and the run ended before an answer was written down; looked for by the next run",
    ),
}
_DOUBT = (
    "The next run looks for what is unknown or in doubt, and sends it again only if it is proved"
    " not to exist."
)


def journal(
    file: Annotated[Path, Parameter(validator=PathValidator(exists=True, dir_okay=False))],
    /,
    *,
    as_json: AsJSON = False,
) -> None:
    """Tell what is in the journal of an import.

    A journal that a run is using cannot be read. Rows that no run has come to are not in it.

    Args:
        file: The journal.
        as_json: Write it as JSON.
    """
    from ...bulk.journal import read_journal  # noqa: PLC0415 - a database

    state = read_journal(file)
    if as_json:
        output.print_json(
            {
                "base_url": state.base_url,
                "runs": state.runs,
                "counts": {name: state.counts[name] for name in _STATES},
                "unfinished": output.plain(state.unfinished),
            }
        )
    else:
        _show(state)


def _show(state: JournalState) -> None:
    out = output.console()
    runs = f"{state.runs} run{'' if state.runs == 1 else 's'}"
    out.print(f"Tickets at {output.shown(state.base_url)}, {runs}", soft_wrap=True)
    out.print()
    listing = output.table("", "Rows", "", numbers=["Rows"])
    for name, (told, meaning) in _STATES.items():
        if (count := state.counts[name]) or name is State.CREATED:
            listing.add_row(told, f"{count:,}", meaning)
    out.print(listing)
    if state.unfinished:
        out.print()
        _show_unfinished(state.unfinished)
    if state.counts[State.UNKNOWN] or state.counts[State.SENT]:
        out.print()
        out.print(_DOUBT, soft_wrap=True)


def _show_unfinished(entries: Iterable[Entry]) -> None:
    listing = output.table("Row", "Reference", "State", "Reason", numbers=["Row"])
    for entry in entries:
        told, _ = _STATES[entry.state]
        listing.add_row(
            f"{entry.position}",
            output.shown(entry.reference or ""),
            told,
            output.shown(entry.reason or ""),
        )
    output.console().print(listing)
