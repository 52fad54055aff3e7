"""``vpsbg tickets import``: its options, and what is checked before anything is sent."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, chdir, contextmanager
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, Token
from cyclopts.validators import Number

from ...attachments import Limits
from ...client import VPSBG
from ...errors import ConfigurationError, InvalidInputError, JournalError, VPSBGError
from .. import output
from ..exits import Exit, FailedError, StoppedError, deeds, exit_for
from ..inputs import Checked, Format, Input
from ..parameters import WHOLE_NUMBER, AsJSON, Flag
from .displays import display_of
from .ending import show
from .preview import preview
from .report import Report
from .run import Import, Settings
from .standing import Standing

__all__ = ["import_tickets"]

_STDIN = Path("-")


def _path_or_stdin(_: Any, tokens: Sequence[Token]) -> Path:
    text = tokens[0].value
    if text.startswith("-") and text != "-":  # a mistyped option must not be taken for the file
        raise ValueError(f"{text!r} looks like an option (a file can be given as ./{text})")
    return Path(text)


def import_tickets(
    file: Annotated[Path, Parameter(converter=_path_or_stdin, allow_leading_hyphen=True)],
    /,
    *,
    file_format: Annotated[Format | None, Parameter(name="--format")] = None,
    attachments_dir: Path | None = None,
    dry_run: Flag = False,
    journal: Path | None = None,
    no_journal: Flag = False,
    concurrency: Annotated[int, WHOLE_NUMBER, Parameter(validator=Number(gte=1))] = 8,
    no_reconcile: Flag = False,
    reference_marker: Flag = False,
    accept_new_key: Flag = False,
    report: Path | None = None,
    sandbox: Flag = False,
    as_json: AsJSON = False,
) -> int:
    """Open a ticket for each row of a file.

    The file is CSV with a header, JSON Lines, or a JSON array of objects. Its columns are
    department_id, subject, and message or message_file; those that may be left out are reference,
    attachments (paths, in CSV divided by semicolons), service_type, service_id and
    reference_marker. What is wrong with it is all told first, by line and column; then nothing is
    sent.

    The journal remembers what was created, and what may have been. Run the same command again to
    go on after any end, a crash included: what was created is skipped, what may have been is looked
    for, and the rest is sent. A row is known again by its reference, or else by its content.

    Ctrl-C and SIGTERM let it finish what is under way; a second Ctrl-C breaks that off.

    Exit codes of this command:

    * 0: every row was created, now or by an earlier run
    * 1: some rows were rejected
    * 2: not tried, as everywhere; or it is not known of some rows whether they were created
    * 3: it could not begin, or was stopped: by Ctrl-C, by a key that is not accepted any more, by a
      journal that cannot be written

    Args:
        file: The file; a hyphen reads standard input.
        file_format: What the file is, if neither its name nor its begin tells.
        attachments_dir: Where the paths in the file begin; by default the folder of the file.
        dry_run: Check the file and show what would be sent. Nothing is sent or written, and no key
            is needed.
        journal: Where the journal is, or is to be. By default it stands beside the file, its name
            with .journal at the end; there is none for standard input and for a sandbox.
        no_journal: Do without one. To run it again creates everything again.
        concurrency: How many tickets may be under way.
        no_reconcile: Do not look for what had no answer: leave it unknown.
        reference_marker: Write a short reference below each message, by which a ticket is found
            for certain. Recommended where tickets read alike.
        accept_new_key: Go on with another key of the same account than the journal was begun with.
        report: Write what became of each row to a file, CSV or JSON Lines by its ending.
        sandbox: Import into a stand-in for the API on this machine, which is gone afterwards. No
            key is needed, and nothing leaves this machine.
        as_json: Write the summary as JSON.
    """
    deeds.are_unclear = True  # whatever fails: 1 would say of an import that rows were rejected
    with _stopped_by_failure(), ExitStack() as stack:
        source = stack.enter_context(_opened(file, file_format))
        settings = Settings(
            journal=_journal(file, journal, is_unwanted=no_journal, is_default=not sandbox),
            concurrency=concurrency,
            reconcile=not no_reconcile,
            reference_marker=reference_marker,
            accept_new_key=accept_new_key,
            into_sandbox=sandbox,
            as_json=as_json,
        )
        written = None if report is None else report.absolute()
        file = file.absolute()
        _go_to(attachments_dir or source.folder, stack)
        checked = asyncio.run(source.check(Limits()))
        if checked.problems:
            _tell_problems(checked, as_json=as_json)
            return Exit.USAGE
        if dry_run:
            asyncio.run(preview(source, as_json=as_json))
            return Exit.OK
        kept = None
        if written is not None:
            kept = stack.enter_context(Report(written))
            kept.refuse_to_be(file, settings.journal, *_attached(source, written))
        return asyncio.run(_import(source, checked.rows, settings, kept))


def _attached(source: Input, report: Path) -> Iterator[Path]:
    """The files that are sent, among which the report must not be, if there is one yet."""
    if report.exists():
        for draft in source.drafts():
            yield from (Path(str(file)) for file in draft.attachments)


async def _import(source: Input, rows: int, settings: Settings, report: Report | None) -> int:
    as_json = settings.as_json
    standing = Standing(rows)
    display = display_of(standing, as_json=as_json)
    async with _client(settings) as vps:
        ending = await Import(source, settings, standing, display, report).run(vps)
    if ending.stopped is not None:
        output.tell("error", f"stopped: {ending.stopped}", as_json=as_json)
    if as_json:
        output.print_json(ending.document())
    else:
        show(ending)
    return ending.code


@asynccontextmanager
async def _client(settings: Settings) -> AsyncIterator[VPSBG]:
    """The client of the environment, or one of a sandbox."""
    if not settings.into_sandbox:
        async with VPSBG() as vps:
            yield vps
        return
    from ...sandbox import Sandbox  # noqa: PLC0415 - a web server, of no use to the other commands

    async with (
        Sandbox() as running,
        VPSBG(running.api_key, base_url=running.url) as vps,
    ):
        yield vps


def _opened(file: Path, file_format: Format | None) -> Input:
    """The input. A stream is read to its end, while there is no event loop: Ctrl-C ends it."""
    if file != _STDIN:
        return Input.from_path(file, file_format)
    if sys.stdin is None:
        raise InvalidInputError({"file": ("standard input is closed",)})
    return Input.from_stream(sys.stdin.buffer, file_format)


def _journal(
    file: Path, wanted: Path | None, *, is_unwanted: bool, is_default: bool
) -> Path | None:
    """Where the journal is to be."""
    if is_unwanted:
        if wanted is not None:
            raise ConfigurationError("--journal and --no-journal contradict each other")
        return None
    if wanted is not None:
        return wanted.absolute()
    # A pipe has no place beside it, and is another one the next time.
    has_default = is_default and file != _STDIN and file.is_file()
    return file.with_name(f"{file.name}.journal").absolute() if has_default else None


def _go_to(folder: Path, stack: ExitStack) -> None:
    """Have paths begin in a folder, for as long as the stack is open."""
    try:
        stack.enter_context(chdir(folder))
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        reason = getattr(error, "strerror", None) or error
        text = f"cannot be entered ({reason}): {str(folder)!r}"
        raise InvalidInputError({"attachments_dir": (text,)}) from error


@contextmanager
def _stopped_by_failure() -> Iterator[None]:
    """Have failures other than wrong input end the command with an exit code of its own."""
    try:
        yield
    except (FailedError, VPSBGError) as error:
        if isinstance(error, VPSBGError) and exit_for(error) is Exit.USAGE:
            raise
        text = str(error)
        if isinstance(error, JournalError):  # which speaks to those who write Python
            text = text.replace("accept_new_key=True", "--accept-new-key")
        raise StoppedError(text) from error


def _tell_problems(checked: Checked, *, as_json: bool) -> None:
    """Tell on stderr what is wrong with an input."""
    count = len(checked.problems) + checked.more
    text = f"{count:,} problem{'' if count == 1 else 's'}, so nothing was sent"
    if as_json:
        problems = output.plain(checked.problems)
        output.tell("error", text, as_json=True, problems=problems, left_out=checked.more)
        return
    for problem in checked.problems:
        output.complain(str(problem))
    if checked.more:
        output.complain(f"and {checked.more:,} more")
    output.tell("error", text, as_json=False)
