"""The files of an answer, held against those that were sent."""

from __future__ import annotations

from typing import Any

from tests.services.tickets.support import DRAFT, chunks_of, faked
from vpsbg_async import Attachment, AttachmentMismatch
from vpsbg_async.testing import Reply


def told(id_: int, *files: dict[str, Any] | None, **more: object) -> dict[str, Any]:
    return {"id": id_, "attachments": list(files), **more}


def file(name: str | None = None, size: int | None = None) -> dict[str, Any]:
    given = {"name": name, "size": size}
    return {key: value for key, value in given.items() if value is not None}


A, B = file("a.txt", 1), file("b.txt", 2)


class TestMismatches:
    """What is sent: a.txt of 1 byte and b.txt of 2."""

    async def mismatches(
        self,
        *messages: dict[str, Any] | None,
        names: tuple[str, ...] = ("a.txt", "b.txt"),
        calls: tuple[str, ...] = ("create", "reply"),
    ) -> list[tuple[str, str | None, int | None, str | None]] | None:
        files = [
            Attachment.from_bytes(b"x" * size, name=name) for size, name in enumerate(names, 1)
        ]
        results = []
        for call in calls:
            vps, _ = faked(Reply(json={"id": 1, "messages": list(messages)}))
            ticket = await (
                vps.tickets.create(**DRAFT, attachments=files)
                if call == "create"
                else vps.tickets.reply(1, message="Any news?", attachments=files)
            )
            results.append(ticket.attachment_mismatches)
        assert results[0] == results[-1]
        if results[0] is None:
            return None
        return [
            (
                found.reason,
                found.sent_name,
                found.sent_size,
                None if found.received is None else found.received.name,
            )
            for found in results[0]
        ]

    async def test_none(self) -> None:
        assert await self.mismatches(told(1, A, B)) == []
        assert await self.mismatches(told(1), names=()) == []

    async def test_names_and_sizes_may_be_missing(self) -> None:
        assert await self.mismatches(told(1, {}, {})) == []
        assert await self.mismatches(told(1, file("a.txt"), file("b.txt"))) == []

    async def test_renamed_files_are_the_same_by_their_place(self) -> None:
        assert await self.mismatches(told(1, file("x1.txt", 1), file("x2.txt", 2))) == []

    async def test_missing(self) -> None:
        assert await self.mismatches(told(1, A)) == [("missing", "b.txt", 2, None)]
        assert await self.mismatches(told(1, B)) == [("missing", "a.txt", 1, None)]
        assert await self.mismatches(told(1)) == [
            ("missing", "a.txt", 1, None),
            ("missing", "b.txt", 2, None),
        ]

    async def test_one_of_two_of_the_same_name_is_missing(self) -> None:
        assert await self.mismatches(told(1, A), names=("a.txt", "a.txt")) == [
            ("missing", "a.txt", 2, None)
        ]

    async def test_unexpected(self) -> None:
        assert await self.mismatches(told(1, A, file("c.txt", 3), B)) == [
            ("unexpected", None, None, "c.txt")
        ]
        assert await self.mismatches(told(1, A), names=()) == [("unexpected", None, None, "a.txt")]

    async def test_missing_and_unexpected(self) -> None:
        assert await self.mismatches(told(1, file("c.txt", 3))) == [
            ("missing", "a.txt", 1, None),
            ("missing", "b.txt", 2, None),
            ("unexpected", None, None, "c.txt"),
        ]

    async def test_order(self) -> None:
        assert await self.mismatches(told(1, B, A)) == [
            ("order", "a.txt", 1, "b.txt"),
            ("order", "b.txt", 2, "a.txt"),
        ]

    async def test_size(self) -> None:
        assert await self.mismatches(told(1, A, file("b.txt", 0))) == [
            ("size", "b.txt", 2, "b.txt")
        ]
        assert await self.mismatches(told(1, file(size=9), B)) == [("size", "a.txt", 1, None)]

    async def test_size_of_a_stream(self) -> None:
        files = [Attachment.from_stream(lambda: chunks_of(b"one", b"two"), name="a.txt")]
        for size, due in ((6, ()), (5, ("size",))):
            vps, _ = faked(Reply(json={"id": 1, "messages": [told(1, file("a.txt", size))]}))
            ticket = await vps.tickets.create(**DRAFT, attachments=files)
            assert ticket.attachment_mismatches is not None
            assert tuple(found.reason for found in ticket.attachment_mismatches) == due
            assert all(found.sent_size == 6 for found in ticket.attachment_mismatches)

    async def test_the_first_message_of_a_new_ticket_counts(self) -> None:
        """What follows is somebody else's, such as an automatic answer."""
        first, other = told(50, A, B), told(51)
        for messages in ((first, other), (other, first)):
            assert await self.mismatches(*messages, calls=("create",)) == []
        assert await self.mismatches(told(49), first, calls=("create",)) == [
            ("missing", "a.txt", 1, None),
            ("missing", "b.txt", 2, None),
        ]

    async def test_the_newest_message_of_ours_counts_after_a_reply(self) -> None:
        old, new = told(50, file("old.txt", 9)), told(51, A, B)
        support = told(52) | {"is_customer": False, "content": "We are looking into it."}
        for messages in ((old, new), (new, old), (old, support, new)):
            assert await self.mismatches(*messages, calls=("reply",)) == []
        assert await self.mismatches(told(52), new, old, calls=("reply",)) == [
            ("missing", "a.txt", 1, None),
            ("missing", "b.txt", 2, None),
        ]

    async def test_a_message_of_the_same_words_is_the_one_that_was_sent(self) -> None:
        ours = told(51, A, B) | {"content": "Any news?"}
        assert await self.mismatches(told(50), ours, told(52), calls=("reply",)) == []

    async def test_not_known(self) -> None:
        assert await self.mismatches() is None
        assert await self.mismatches({"id": 1}) is None
        assert await self.mismatches({"id": 1, "attachments": None}) is None
        assert await self.mismatches({"id": 2}, told(1, A, B), calls=("reply",)) is None
        assert await self.mismatches({"id": 1}, told(2, A, B), calls=("create",)) is None
        vps, _ = faked(Reply(json={"id": 1}), Reply(json={"id": 1, "messages": None}))
        for _ in range(2):
            assert (await vps.tickets.create(**DRAFT)).attachment_mismatches is None

    async def test_are_told_in_words(self) -> None:
        vps, _ = faked(Reply(json={"id": 1, "messages": [told(1, file("c.txt"))]}))
        files = [Attachment.from_bytes(b"x" * 5000, name=name) for name in ("a.txt", "b.txt")]
        ticket = await vps.tickets.create(**DRAFT, attachments=files)
        assert ticket.attachment_mismatches is not None
        texts = [str(found) for found in ticket.attachment_mismatches]
        assert texts == [
            "'a.txt' (5,000 bytes) was sent and is not among the ticket's files",
            "'b.txt' (5,000 bytes) was sent and is not among the ticket's files",
            "'c.txt' (size not known) is among the ticket's files and was not sent",
        ]
        for reason in ("order", "size"):
            text = str(
                AttachmentMismatch(
                    reason=reason,
                    sent_name="a.txt",
                    sent_size=1,
                    received=ticket.attachment_mismatches[2].received,
                )
            )
            assert "a.txt" in text
            assert "c.txt" in text
