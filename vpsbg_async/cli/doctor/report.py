"""The report: what was found, shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rich.text import Text

from ..._version import __version__
from ...core.retry import RetryPolicy
from .. import output
from ..exits import FailedError
from ..progress import Bar
from .checkup import Checkup
from .needs import RECONCILIATION, Summary, needs_of, summary_of
from .shapes import Finding, Kind, Verdict

__all__ = ["report"]

_STYLES = {Verdict.OK: "green", Verdict.DIFFERS: "bold red", Verdict.CANNOT_BE_TOLD: "yellow"}
_YES_NO = {Verdict.OK: "yes", Verdict.DIFFERS: "no"}


async def report(*, pause: float, no_retry: bool, as_json: bool) -> None:
    """Ask, and show what was found.

    Args:
        pause: Seconds to wait before each question.
        no_retry: Ask once, whatever happens.
        as_json: Write the report as JSON.

    Raises:
        FailedError: The report is not complete.
    """
    with Bar() as bar:
        retry = None if no_retry else RetryPolicy()
        checkup = Checkup(pause=pause, retry=retry, on_event=bar, on_probe=bar.show)
        found = await checkup.run()
    needs = needs_of(found)
    findings = [*found.findings, *(need.finding for need in needs)]
    if as_json:
        _print_json(findings, summary_of(needs), is_complete=not found.stopped)
    else:
        _print_text(findings, summary_of(needs))
    if found.stopped:
        raise FailedError(f"the report is not complete: {found.stopped}")


def _print_json(findings: Sequence[Finding], summary: Summary, *, is_complete: bool) -> None:
    output.print_json(
        {
            "version": __version__,
            "complete": is_complete,
            "reconciliation": output.plain(summary),
            "sums": _sums(findings),
            "findings": [
                {
                    "area": finding.area,
                    "place": finding.place,
                    "verdict": finding.verdict,
                    "kind": finding.kind,
                    "detail": finding.detail,
                }
                for finding in findings
            ],
        }
    )


def _print_text(findings: Sequence[Finding], summary: Summary) -> None:
    out = output.console()
    for area, group in groupby(findings, key=lambda finding: finding.area):
        listing = output.table("", "", "", title=area)
        listing.show_header = False
        for verdict, place, detail in _rows(group):
            words = _YES_NO if area == RECONCILIATION else {}
            told = Text(words.get(verdict, _spaced(verdict)), _STYLES[verdict])
            listing.add_row(told, output.shown(place), output.shown(detail))
        out.print(listing)
        out.print()
    reasons = "; ".join(summary.reasons)
    out.print(f"reconciliation: {_spaced(summary.verdict)}{reasons and f': {reasons}'}")
    fine, differing, untold = _sums(findings).values()
    out.print(
        f"{len(findings)} checks by vpsbg_async {__version__}: "
        f"{fine} ok, {differing} differ, {untold} cannot be told"
    )


def _rows(findings: Iterable[Finding]) -> Iterator[tuple[Verdict, str, str]]:
    """Rows of an area's table; the fields of an object that are as documented share one."""
    rows: dict[tuple[Verdict, str], list[str]] = {}
    for finding in findings:
        place, detail = finding.place, finding.detail
        if finding.kind is Kind.AS_DOCUMENTED and place != "body" and not place.endswith("[]"):
            parent, _, name = place.rpartition(".")
            types = detail if "," in detail else detail.partition(":")[0]
            place, detail = parent or "body", f"{name} ({types})"
        rows.setdefault((finding.verdict, place), []).append(detail)
    for (verdict, place), details in rows.items():
        yield verdict, place, ", ".join(details)


def _sums(findings: Sequence[Finding]) -> dict[str, int]:
    counts = Counter(finding.verdict for finding in findings)
    return {verdict: counts[verdict] for verdict in Verdict}


def _spaced(verdict: str) -> str:
    return verdict.replace("-", " ")
