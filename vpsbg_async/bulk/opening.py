"""Before a run begins: whether its key is accepted, and whether its journal is the right one."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ..core.clock import Clock
from ..errors import JournalError
from .journal import Journal
from .records import Records
from .scratchpad import Scratchpad
from .work import Work

__all__ = ["open_records"]


async def open_records(
    path: Path | None, work: Work, *, accept_new_key: bool, clock: Clock
) -> Records:
    """Check the key, and open what a run writes down in.

    Args:
        path: Where the journal is, or is to be; None for a run without one.
        work: What the run does.
        accept_new_key: Whether the key may be another than that of the last run.
        clock: Tells the time.

    Raises:
        JournalError: The journal cannot be used, and was left as it was.
        AuthenticationError: The key is not accepted.
        PermissionDeniedError: The key is not accepted.
        TransportError: The network failed.
    """
    if path is None:
        await work.check_key()
        return Scratchpad()
    journal = Journal(path, work.base_url)
    try:
        await _check_key(journal, work, path, accept_new_key=accept_new_key)
        work.remember(await journal.begin_run(work.fingerprint, clock.time()))
    except BaseException:
        with suppress(JournalError):  # it is being told
            await journal.close()
        raise
    return journal


async def _check_key(journal: Journal, work: Work, path: Path, *, accept_new_key: bool) -> None:
    """Make sure that the key is accepted, and is of the account that the journal is of."""
    is_known = await journal.knows_key(work.fingerprint)
    if not is_known and not accept_new_key:
        text = f"{path} was written with another key: accept_new_key=True goes on with this one"
        raise JournalError(text)
    await work.check_key()
    if is_known:
        return
    ticket = await journal.a_ticket()
    if ticket is None and await journal.has_doubts():
        text = "and knows of no ticket by which to tell whether the new one is of the same account"
        raise JournalError(f"{path} has items in doubt that were sent with another key, {text}")
    if ticket is not None and not await work.can_see(ticket):
        text = f"{path} is of another account: with this key there is no ticket {ticket}"
        raise JournalError(text)
