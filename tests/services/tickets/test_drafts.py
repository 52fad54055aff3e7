"""What is to be sent, with the marker below it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.services.tickets.support import DRAFT, faked
from vpsbg_async import InvalidInputError, ServiceType, TicketDraft
from vpsbg_async.services.tickets.drafts import as_marker, marked
from vpsbg_async.testing import Reply


class TestFields:
    def test_the_department_comes_last_and_what_may_be_left_out_first(self) -> None:
        draft = TicketDraft(**DRAFT, service_type=ServiceType.SERVER, service_id=7)
        assert draft.fields() == [
            ("service_type", "server"),
            ("service_id", "7"),
            ("message", "It is down."),
            ("subject", "Down"),
            ("department_id", "2"),
        ]

    def test_what_is_left_out_is_not_there(self) -> None:
        names = [name for name, _ in TicketDraft(**DRAFT).fields()]
        assert names == ["message", "subject", "department_id"]

    def test_the_message_bears_the_marker(self) -> None:
        fields = dict(TicketDraft(**DRAFT, reference_marker="job-1").fields())
        assert fields["message"] == "It is down.\n\n[ref job-1]"
        assert fields["subject"] == "Down"


class TestMarker:
    def test_one_is_made_up(self) -> None:
        markers = [as_marker(True) for _ in range(100)]
        assert len(set(markers)) == 100
        for marker in markers:
            assert TicketDraft(**DRAFT, reference_marker=marker).problems() == {}

    def test_one_is_given(self) -> None:
        assert as_marker("job-1") == "job-1"

    @pytest.mark.parametrize("wish", [False, None])
    def test_there_is_none(self, wish: Any) -> None:
        assert as_marker(wish) is None
        assert marked("It is down.", None) == "It is down."

    @pytest.mark.parametrize("marker", ["abcd", "a" * 64, "A-b_c.1", "----", "2026"])
    async def test_what_can_be_one(self, marker: str) -> None:
        vps, transport = faked(Reply(json={"id": 1}), Reply(json={"id": 1}))
        await vps.tickets.create(**DRAFT, reference_marker=marker)
        await vps.tickets.reply(1, message="Any news?", reference_marker=marker)
        for call in transport.calls:
            assert f"\n\n[ref {marker}]\r\n--".encode() in call.body

    @pytest.mark.parametrize(
        "marker",
        [
            *(
                "",
                "abc",
                "a" * 65,
                "ab cd",
                "ab]cd",
                "[ref abcd]",
                "abcd\n",
                "abc\u0434",
                "ab<b>cd",
            ),
            *(1, 0, 12345, 1.5, b"abcd", ["abcd"], {}),
        ],
        ids=repr,
    )
    async def test_what_cannot(self, marker: Any) -> None:
        """It is told beside all else that is wrong, and nothing is sent."""
        vps, transport = faked()
        with pytest.raises(InvalidInputError) as caught:
            await vps.tickets.create(**(DRAFT | {"subject": "no"}), reference_marker=marker)
        assert set(caught.value.errors) == {"subject", "reference_marker"}
        with pytest.raises(InvalidInputError) as caught:
            await vps.tickets.reply(1, message="no", reference_marker=marker)
        assert set(caught.value.errors) == {"message", "reference_marker"}
        assert transport.calls == []


class TestOnUnknown:
    @pytest.mark.parametrize("wish", ["", "retry", "RECONCILE", None, True, 1, ["raise"]], ids=repr)
    async def test_is_one_of_two(self, wish: Any) -> None:
        vps, transport = faked()
        for call in (
            vps.tickets.create(**(DRAFT | {"subject": "no"}), on_unknown=cast(Any, wish)),
            vps.tickets.reply(1, message="no", on_unknown=wish),
        ):
            with pytest.raises(InvalidInputError) as caught:
                await call
            assert "on_unknown" in caught.value.errors
            assert len(caught.value.errors) == 2
        assert transport.calls == []
