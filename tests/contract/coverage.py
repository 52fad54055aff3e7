"""The table of what of the API has a method, made from the contract.

python -m tests.contract.coverage     writes docs/coverage.md
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.contract.spec import CONTRACT, OPERATIONS

__all__ = ["PLACE", "coverage"]

PLACE = Path(__file__).parents[2] / "docs" / "coverage.md"

_HEAD = """\
# The API, call by call

VPSBG documents its API at <https://dev.vpsbg.eu>, not all of it, and calls it beta. This is all
that is known of it, and how well:

* **documented**: path, method and shape are documented;
* **partial**: path and method are documented, some of the shape is not known;
* **observed**: seen in use against the live API, and not documented as far as known;
* **convention**: only the name is documented; the path is deduced from a documented neighbour, and
  may be wrong.

Nothing here was tried against the live API by this project; `vpsbg doctor` reads through yours and
reports, in names and types only, where it differs.

| call | request | known by | what it does beside |
| --- | --- | --- | --- |
"""
_UNMAPPED = """
## Without a path

Of these the names are known, and mostly the methods, but no path. If you know the path, any of them
is reached with `vps.request`, which has the same key, retries and errors, and answers raw JSON:

```text
answer = await vps.request("GET", "/the/path", params={"page": 2})
```

| section | name | method |
| --- | --- | --- |
"""
_SECTIONS = """
Of these sections there is more of which not even the names are known:

"""


def coverage() -> str:
    """The document."""
    unmapped = "".join(
        f"| {item['section']} | {item['name']} | {item['method'] or 'not known'} |\n"
        for item in CONTRACT["x-unmapped"]
    )
    sections = "".join(
        f"* {item['section']}: {item['note']}\n" for item in CONTRACT["x-unmapped-sections"]
    )
    return _HEAD + "".join(_rows()) + _UNMAPPED + unmapped + _SECTIONS + sections


def _rows() -> Iterator[str]:
    order = [tag["name"] for tag in CONTRACT["tags"]]
    for one in sorted(OPERATIONS, key=lambda one: order.index(one.tag)):
        evidence, link = one.spec["x-evidence"], one.spec.get("externalDocs", {}).get("url")
        known = f"[{evidence}]({link})" if link else evidence
        effects = ", ".join(one.spec.get("x-effects", ()))
        yield f"| `vps.{one.tag}.{one.name}` | `{one.method} {one.path}` | {known} | {effects} |\n"


if __name__ == "__main__":
    PLACE.write_text(coverage(), encoding="utf-8")
