"""The key is in no error, even where a server tells it back."""

from __future__ import annotations

import pytest

from vpsbg_async import VPSBG, VPSBGError
from vpsbg_async.testing import FakeTransport, Reply

KEY = "s3cret-key"
TELLING = {
    "a message": Reply(401, json={"message": f"Token {KEY} is not valid."}),
    "errors": Reply(422, json={"message": "No.", "errors": {KEY: [f"{KEY} is odd."]}}),
    "a page": Reply(500, body=f"what is {KEY}?".encode()),
    "a redirect": Reply(302, headers={"Location": f"https://elsewhere.test/?token={KEY}"}),
    "a wrong value": Reply(200, json={"id": f"{KEY}"}),
    "no JSON": Reply(200, body=f"Hello, {KEY}".encode()),
}


@pytest.mark.parametrize("reply", TELLING.values(), ids=TELLING)
async def test_what_a_server_tells_back(reply: Reply) -> None:
    vps = VPSBG(KEY, retry=None, transport=FakeTransport(reply))
    with pytest.raises(VPSBGError) as caught:
        await vps.tickets.get(216)
    error = caught.value
    shown = f"{error}{error!r}{error.args}{vars(error)}{getattr(error, 'body', b'')!r}"
    assert KEY not in shown
    assert KEY not in "".join(f"{value}" for value in getattr(error, "headers", {}).values())
    assert "***" in shown


async def test_what_does_not_hold_it_is_left_alone() -> None:
    body = b'{"message":"No."}'
    vps = VPSBG(KEY, retry=None, transport=FakeTransport(Reply(401, body=body)))
    with pytest.raises(VPSBGError, match=r"No\.") as caught:
        await vps.tickets.get(216)
    assert vars(caught.value)["body"] == body
