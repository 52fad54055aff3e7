"""Inputs, and what is left of an import."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

from vpsbg_async.sandbox import Sandbox

COLUMNS = ("reference", "department_id", "subject", "message", "attachments", "service_type")
IMPORT = ("tickets", "import")
REFUSED = {"service_type": "boat"}  # by the server alone


class Table:
    """An input in CSV.

    Attributes:
        path: Where it is.
        journal: Where its journal is by default.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = path.with_name(f"{path.name}.journal")

    def write(self, *rows: dict[str, Any]) -> Path:
        """Write rows that are good but for what is said of them."""
        with self.path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for number, row in enumerate(rows, start=1):
                good = {"department_id": 2, "subject": f"Case {number}", "message": "See the log."}
                writer.writerow(good | {"reference": f"c{number}"} | row)
        return self.path

    def fill(self, count: int) -> Path:
        """Write so many good rows."""
        return self.write(*[{}] * count)


def subjects(sandbox: Sandbox) -> list[str]:
    """Of the tickets, in order."""
    return sorted(ticket.subject for ticket in sandbox.tickets)


def requests(sandbox: Sandbox) -> Counter[str]:
    """How many there were, by method."""
    return Counter(incident.method for incident in sandbox.faults.met)


def report_in(path: Path) -> list[dict[str, Any]]:
    """The rows of a report, in the order of the input."""
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            rows: list[dict[str, Any]] = list(csv.DictReader(file))
        else:
            rows = [json.loads(line) for line in file]
    return sorted(rows, key=lambda row: int(row["position"]))
