"""How much memory the demo takes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

__all__ = ["peak_memory"]


def peak_memory() -> int | None:
    """The most memory that this process has had at a time, in bytes; None where none can tell."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        status = ""
    if found := re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE):
        return int(found[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 - Windows has none

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # bytes there, KiB elsewhere
