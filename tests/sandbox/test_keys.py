"""SSH keys."""

from __future__ import annotations

import pytest

from .conftest import CheckedApi

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample user@example.com"
NO_KEY = "The key field format is invalid."


async def test_what_there_is(checked: CheckedApi) -> None:
    assert await checked.listed("/ssh-keys") == [90, 91]
    assert await checked.listed("/ssh-keys?per_page=1&page=2") == [91]
    key = await checked.call("GET", "/ssh-keys/90")
    assert key == checked.sandbox.ssh_keys[0]
    assert key["servers"] == [
        {"id": 2922, "hostname": "ubuntu-1gb"},
        {"id": 2930, "hostname": "debian-1gb"},
    ]


async def test_from_the_first_to_the_last(checked: CheckedApi) -> None:
    key = await checked.call("POST", "/ssh-keys", {"name": "Mine", "key": KEY}, status=201)
    assert (key["id"], key["name"], key["key"], key["servers"]) == (92, "Mine", KEY, [])
    assert key["fingerprint"] == checked.sandbox.ssh_keys[1]["fingerprint"]
    assert await checked.listed("/ssh-keys") == [90, 91, 92]
    renamed = await checked.call("PATCH", "/ssh-keys/92", {"name": "Hers"})
    assert renamed == key | {"name": "Hers"}
    changed = await checked.call("PATCH", "/ssh-keys/92", {"key": "ssh-rsa AAAAB3 other"})
    assert (changed["name"], changed["key"]) == ("Hers", "ssh-rsa AAAAB3 other")
    assert changed["fingerprint"] != key["fingerprint"]
    assert await checked.call("PATCH", "/ssh-keys/92", {}) == changed
    await checked.call("DELETE", "/ssh-keys/92", status=204)
    for method in ("GET", "PATCH", "DELETE"):
        answer = await checked.call(method, "/ssh-keys/92", status=404)
        assert answer["message"] == "No query results for model [App\\Models\\SshKey] 92"
    assert await checked.listed("/ssh-keys") == [90, 91]
    another = await checked.call("POST", "/ssh-keys", {"name": "Mine", "key": KEY}, status=201)
    assert another["id"] == 93


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("name", "ab", "must be at least 3 characters."),
        ("name", "x" * 101, "must not be greater than 100 characters."),
        ("name", 5, "must be a string."),
        ("name", None, "must be a string."),
        ("key", "ssh-dss AAAA", NO_KEY),
        ("key", "ssh-rsa", NO_KEY),
        ("key", "ssh-rsa AA AA\nssh-rsa AA", NO_KEY),
        ("key", "AAAA ssh-rsa", NO_KEY),
        ("key", [KEY], "must be a string."),
    ],
)
async def test_what_is_wrong(checked: CheckedApi, field: str, value: object, text: str) -> None:
    errors = await checked.refused("PATCH", "/ssh-keys/90", {field: value})
    assert errors.keys() == {field}
    assert errors[field][0].endswith(text)
    assert checked.sandbox.ssh_keys[0]["name"] == "Example SSH Key"


async def test_both_are_needed(checked: CheckedApi) -> None:
    assert await checked.refused("POST", "/ssh-keys", {}) == {
        "name": ["The name field is required."],
        "key": ["The key field is required."],
    }
