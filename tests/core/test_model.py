"""What all models share: open enums, unknown fields, values that stay as they are."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import attrs
import pytest

from vpsbg_async import (
    AttachmentMismatch,
    Page,
    ServiceType,
    Ticket,
    TicketAttachment,
    TicketDraft,
    TicketMessage,
    TicketStatus,
)
from vpsbg_async.core.model import Model, OpenEnum, json_field

TEXTS = ["opened", "closed", "", "OPENED", "затворен", "mro", "_value_", "a b\n", "__class__"]
each_text = pytest.mark.parametrize("text", TEXTS)


class TestOpenEnum:
    @each_text
    def test_any_text_is_a_member_equal_to_it(self, text: str) -> None:
        status = TicketStatus(text)
        assert isinstance(status, TicketStatus)
        assert isinstance(status, str)
        assert [status, str(status), f"{status}", status.value] == [text] * 4
        assert status == TicketStatus(text)
        assert status != TicketStatus(f"{text}!")
        assert repr(text) in repr(status)

    def test_a_known_text_is_the_known_member(self) -> None:
        assert TicketStatus("opened") is TicketStatus.OPENED
        assert TicketStatus(TicketStatus.OPENED) is TicketStatus.OPENED

    @each_text
    def test_it_is_as_good_a_key_as_the_text(self, text: str) -> None:
        counts = {text: 1}
        counts[TicketStatus(text)] += 1
        assert counts == {TicketStatus(text): 2}
        assert {TicketStatus(text), TicketStatus(text), text} == {text}

    @each_text
    def test_it_is_pickled_and_copied(self, text: str) -> None:
        status = TicketStatus(text)
        again = [copy.copy(status), copy.deepcopy(status)]
        again += [
            pickle.loads(pickle.dumps(status, protocol))
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
        ]
        for other in again:
            assert type(other) is TicketStatus
            assert other == text
            assert other.value == text

    def test_it_is_json(self) -> None:
        assert json.dumps({"status": TicketStatus("closed")}) == '{"status": "closed"}'

    def test_it_can_be_matched(self) -> None:
        match TicketStatus("closed"):
            case TicketStatus.OPENED:
                pytest.fail("it is another one")
            case "closed":
                pass
            case _:
                pytest.fail("it is not its text")

    def test_the_known_members_stay_the_same(self) -> None:
        before = list(ServiceType)
        for number in range(100):
            ServiceType(f"type {number}")
        assert list(ServiceType) == before
        assert len(ServiceType.__members__) == len(before)

    @pytest.mark.parametrize("value", [None, 1, b"opened", ["opened"], True], ids=repr)
    def test_nothing_else_is_a_member(self, value: Any) -> None:
        with pytest.raises(ValueError, match="is not a valid TicketStatus"):
            TicketStatus(value)

    def test_two_kinds_stay_apart_by_type_only(self) -> None:
        class Other(OpenEnum):
            A = "a"

        assert type(Other("opened")) is Other
        known: str = TicketStatus.OPENED
        assert Other("opened") == known  # as texts, they are equal


@attrs.frozen(kw_only=True)
class Sample(Model):
    id: int
    mime_type: str | None = json_field("mimeType")


VALUES = [
    Ticket(id=1, status=TicketStatus("closed"), messages=(TicketMessage(id=2, attachments=()),)),
    TicketMessage(id=1, attachments=(TicketAttachment(name="a.png"),)),
    TicketAttachment(id=1, mime_type="image/png"),
    AttachmentMismatch(reason="missing", sent_name="a.png", sent_size=1),
    TicketDraft(department_id=1, subject="Down", message="It is down.", attachments=("a.png",)),
    Page(items=(1, 2), number=1, next=2),
]
each_value = pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)


class TestModel:
    def test_fields_can_be_called_otherwise_in_the_json(self) -> None:
        assert attrs.fields_dict(Sample)["mime_type"].metadata["json"] == "mimeType"
        assert Sample(id=1).mime_type is None

    def test_what_is_unknown_is_no_part_of_the_value(self) -> None:
        plain, odd = Sample(id=1), Sample(id=1, extra={"secret": "s3cret"})
        assert plain == odd
        assert hash(plain) == hash(odd)
        assert "s3cret" not in repr(odd)
        assert plain.extra == {}
        assert plain.extra is not Sample(id=2).extra

    @each_value
    def test_values_do_not_change(self, value: attrs.AttrsInstance) -> None:
        for field in attrs.fields(type(value)):
            with pytest.raises(attrs.exceptions.FrozenInstanceError):
                setattr(value, field.name, None)
        with pytest.raises(AttributeError):
            value.another = 1  # type: ignore[attr-defined]

    @each_value
    def test_values_are_hashed_pickled_and_copied(self, value: attrs.AttrsInstance) -> None:
        hash(value)
        for again in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
            assert again == value

    def test_what_is_unknown_is_pickled_too(self) -> None:
        ticket = Ticket(id=1, extra={"a": [1, {"b": None}]})
        assert pickle.loads(pickle.dumps(ticket)).extra == {"a": [1, {"b": None}]}

    @pytest.mark.parametrize("value", [*VALUES[:5], Sample(id=1)], ids=repr)
    def test_arguments_are_told_by_name(self, value: object) -> None:
        with pytest.raises(TypeError, match="positional"):
            type(value)(1)  # type: ignore[call-arg]

    def test_a_draft_does_not_show_its_message(self) -> None:
        draft = TicketDraft(department_id=1, subject="Down", message="My password is s3cret.")
        assert "s3cret" not in repr(draft)
