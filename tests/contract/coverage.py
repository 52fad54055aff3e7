"""The table of what of the API has a method, made from the contract.

python -m tests.contract.coverage     writes docs/coverage.md
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

__all__ = ["PLACE", "coverage"]

CONTRACT = Path(__file__).with_name("openapi.yaml")
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
    contract: dict[str, Any] = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
    unmapped = "".join(
        f"| {item['section']} | {item['name']} | {item['method'] or 'not known'} |\n"
        for item in contract["x-unmapped"]
    )
    sections = "".join(
        f"* {item['section']}: {item['note']}\n" for item in contract["x-unmapped-sections"]
    )
    return _HEAD + "".join(_rows(contract)) + _UNMAPPED + unmapped + _SECTIONS + sections


def _rows(contract: dict[str, Any]) -> Iterator[str]:
    order = [tag["name"] for tag in contract["tags"]]
    found = [
        (order.index(operation["tags"][0]), method, path, operation)
        for path, methods in contract["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    ]
    for _, method, path, operation in sorted(found, key=lambda item: item[0]):
        tag = operation["tags"][0]
        name = operation["operationId"].removeprefix(f"{tag}_")
        request = f"`{method.upper()} {path}`"
        link = operation.get("externalDocs", {}).get("url")
        known = f"[{operation['x-evidence']}]({link})" if link else operation["x-evidence"]
        effects = ", ".join(operation.get("x-effects", ()))
        yield f"| `vps.{tag}.{name}` | {request} | {known} | {effects} |\n"


if __name__ == "__main__":
    PLACE.write_text(coverage(), encoding="utf-8")
