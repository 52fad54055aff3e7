"""Boot images: their upload, on real sockets too, and the servers that boot them."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import python_multipart

from tests.contract.spec import operation, resolved
from tests.services.contract import (
    check_answers,
    check_is_sent_again,
    check_is_sent_once,
    check_refused,
    sent,
    service,
    specimen,
)
from tests.services.tickets.support import chunks_of, failure_of
from vpsbg_async import (
    VPSBG,
    APIError,
    Attachment,
    AttachmentError,
    AttachmentLike,
    InvalidInputError,
    Limits,
    LockedError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PayloadTooLargeError,
    RetryPolicy,
    Timeouts,
    ValidationError,
)
from vpsbg_async.core.endpoint import Effect, Endpoint
from vpsbg_async.events import AttachmentClipped
from vpsbg_async.services import measured_boot as module
from vpsbg_async.services.measured_boot import MeasuredBoot, MeasuredBootImage
from vpsbg_async.services.servers import MeasuredBootImageType, Server
from vpsbg_async.testing import FakeTransport, RawConnection, RawServer, Received, Reply

GIB = 2**30
BIG = bytes(range(256)) * 4096  # 1 MiB: in many chunks
IMAGE = Attachment.from_bytes(b"MZ\r\n--boundary", name="uki.efi")
STORED: dict[str, Any] = {"id": 229, "name": "uki.efi", "size": 14}


async def upload(boot: MeasuredBoot) -> MeasuredBootImage:
    return await boot.upload_image(IMAGE)


async def attach(boot: MeasuredBoot) -> Server:
    return await boot.set(7, kernel_image_id=229)


class Part:
    """One part of a form, as an independent parser reads it."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.data = b""


def parts_of(body: bytes, content_type: str) -> list[Part]:
    """The parts of a form; fails if it does not end as it must."""
    found: list[Part] = []
    pieces: dict[str, bytes] = {"field": b"", "value": b""}
    ended: list[bool] = []

    def add(name: str) -> Callable[[bytes, int, int], None]:
        def take(data: bytes, start: int, end: int) -> None:
            pieces[name] += data[start:end]

        return take

    def end_header() -> None:
        found[-1].headers[pieces["field"].decode().lower()] = pieces["value"].decode()
        pieces.update(field=b"", value=b"")

    def take_data(data: bytes, start: int, end: int) -> None:
        found[-1].data += data[start:end]

    callbacks: Any = {
        "on_part_begin": lambda: found.append(Part()),
        "on_part_data": take_data,
        "on_header_field": add("field"),
        "on_header_value": add("value"),
        "on_header_end": end_header,
        "on_end": lambda: ended.append(True),
    }
    _, _, boundary = content_type.partition("; boundary=")
    parser = python_multipart.MultipartParser(boundary.encode(), callbacks)
    parser.write(body)
    parser.finalize()
    assert ended == [True]
    return found


def check_form(body: bytes, content_type: str, data: bytes, name: str = "uki.efi") -> None:
    """A form is one file and nothing else."""
    (part,) = parts_of(body, content_type)
    assert part.headers == {
        "content-disposition": f'form-data; name="file"; filename="{name}"',
        "content-type": "application/octet-stream",
    }
    assert part.data == data


class TestContract:
    def test_the_endpoints_are_as_contracted(self) -> None:
        endpoints = {
            (one.method, one.path): one
            for one in vars(module).values()
            if isinstance(one, Endpoint)
        }
        methods = ("list_images", "upload_image", "delete_image", "set")
        for one in map(operation, (f"measured_boot_{name}" for name in methods)):
            endpoint = endpoints.pop((one.method, one.path))
            assert endpoint.evidence == one.spec["x-evidence"]
            assert endpoint.effects - {Effect.CREATES} == set(one.spec.get("x-effects", ()))
            text = " ".join((inspect.getdoc(getattr(MeasuredBoot, one.name)) or "").split())
            assert f"``{one.method} {one.path}``" in text
            assert {"observed": "observed in use", "convention": "a *convention*: "}[
                one.spec["x-evidence"]
            ] in text
            assert one.spec["externalDocs"]["url"] in text
            assert "APIError: " in text
        assert endpoints == {}

    def test_setting_takes_all_that_is_known(self) -> None:
        schema = operation("measured_boot_set").request["schema"]
        named = {*inspect.signature(MeasuredBoot.set).parameters} - {"self", "server_id"}
        assert named == {*resolved(schema)["properties"]}


class TestList:
    @pytest.mark.parametrize("answer", [[STORED], {"data": [STORED]}], ids=["bare", "framed"])
    async def test_bare_or_under_data(self, answer: object) -> None:
        boot, transport = service(MeasuredBoot, Reply(json=answer))
        images = [image async for image in boot.list_images()]
        assert images == [MeasuredBootImage(id=229, name="uki.efi", size=14)]
        assert sent(transport) == [("GET", "/measured-boot-images", None)]

    @pytest.mark.parametrize("answer", [[], {"data": []}, {"data": {}}], ids=str)
    async def test_none(self, answer: object) -> None:
        boot, _ = service(MeasuredBoot, Reply(json=answer))
        assert (await boot.list_images()).items == ()

    async def test_any_field_may_lack_but_the_id(self) -> None:
        await check_answers(
            MeasuredBoot,
            lambda boot: boot.list_images(),
            "MeasuredBootImage",
            needed=("id",),
            listed=True,
        )

    async def test_it_is_read_again_where_no_answer_came(self) -> None:
        await check_is_sent_again(
            MeasuredBoot, lambda boot: boot.list_images(), Reply(json=[STORED])
        )


class TestUpload:
    async def test_the_answer(self) -> None:
        answer = specimen("MeasuredBootImage")
        boot, _ = service(MeasuredBoot, Reply(status=201, json=answer))
        assert await upload(boot) == MeasuredBootImage(
            id=229,
            name="0.5",
            size=12345,
            in_use=True,
            type=MeasuredBootImageType.KERNEL,
            created_at=datetime(2023, 6, 19, 19, 34, 43, tzinfo=UTC),
        )

    async def test_any_field_may_lack_but_the_id(self) -> None:
        await check_answers(MeasuredBoot, upload, "MeasuredBootImage", needed=("id",))

    async def test_a_small_one_goes_in_one_piece(self) -> None:
        boot, transport = service(MeasuredBoot, Reply(json=STORED))
        await upload(boot)
        (call,) = transport.calls
        assert (call.request.method, call.request.url) == (
            "POST",
            "https://api.test/v1/measured-boot-images",
        )
        assert call.request.body is not None
        content_type = call.request.body.content_type
        assert re.fullmatch(r"multipart/form-data; boundary=vpsbg-[0-9a-f]{32}", content_type)
        boundary = content_type.partition("=")[2]
        assert (
            call.body
            == (
                f"--{boundary}\r\n"
                'Content-Disposition: form-data; name="file"; filename="uki.efi"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n"
                "MZ\r\n--boundary\r\n"
                f"--{boundary}--\r\n"
            ).encode()
        )
        assert call.request.body.content_length == len(call.body)
        check_form(call.body, content_type, b"MZ\r\n--boundary")

    @pytest.mark.parametrize("on_disk", [True, False])
    async def test_what_proves_it_whole_is_the_last_chunk(
        self, tmp_path: Path, on_disk: bool
    ) -> None:
        """PHP takes a file for whole only if it has met the boundary behind it."""
        path = tmp_path / "uki.efi"
        path.write_bytes(BIG)
        file = path if on_disk else Attachment.from_bytes(BIG, name="uki.efi")
        boot, transport = service(MeasuredBoot, Reply(json=STORED))
        await boot.upload_image(file)
        body = transport.calls[0].request.body
        assert body is not None
        check_form(transport.calls[0].body, body.content_type, BIG)
        async with body.open() as source:
            *before, last = [bytes(chunk) async for chunk in source]
        boundary = body.content_type.partition("=")[2]
        assert last == f"--{boundary}--\r\n".encode()
        assert b"".join(before).endswith(BIG[-100:] + b"\r\n")
        assert body.content_length == len(b"".join(before) + last)

    async def test_it_is_never_sent_again_blindly(self) -> None:
        await check_is_sent_once(MeasuredBoot, upload)

    async def test_it_is_sent_again_whole_if_nothing_was_sent(self) -> None:
        boot, transport = service(
            MeasuredBoot,
            NotSentError("no network"),
            Reply(status=429),
            Reply(json=STORED),
            retry=RetryPolicy(),
        )
        assert (await upload(boot)).id == 229
        first, second, third = transport.calls
        assert first.body == second.body == third.body

    async def test_a_stream_that_ran_is_not_sent_again(self) -> None:
        file = Attachment.from_iterator(chunks_of(b"one", b"two"), name="uki.efi", size=6)
        boot, transport = service(MeasuredBoot, Reply(status=429), retry=RetryPolicy())
        error = await failure_of(boot.upload_image(file))
        assert "it holds a stream that runs once" in str(error)
        assert len(transport.calls) == 1

    @pytest.mark.parametrize("answer", [Reply(json={"name": "uki.efi"}), Reply(status=204)])
    async def test_an_answer_that_does_not_tell_the_id(self, answer: Reply) -> None:
        boot, _ = service(MeasuredBoot, answer)
        image = await upload(boot)
        assert image.id is None

    @pytest.mark.parametrize(
        "answer", [{"file": ["Too large."], "name": ["Odd."]}, {"name": ["Odd."]}], ids=str
    )
    async def test_what_the_server_refuses_names_the_file(self, answer: Any) -> None:
        boot, _ = service(MeasuredBoot, Reply(status=422, json={"errors": answer}))
        error = await failure_of(upload(boot))
        assert isinstance(error, ValidationError)
        assert error.errors.keys() == answer.keys()
        if "file" in answer:
            assert error.attachments == {"file": IMAGE}
            assert "file (uki.efi): Too large." in str(error)
        else:
            assert error.attachments == {}

    async def test_413_is_a_refusal(self) -> None:
        boot, _ = service(MeasuredBoot, Reply(status=413, body=b"<html>"))
        error = await failure_of(upload(boot))
        assert isinstance(error, PayloadTooLargeError)
        assert error.outcome is Outcome.NOT_PROCESSED


class TestFilesThatCannotBeSent:
    async def refused(self, file: Any) -> tuple[str, ...]:
        return (await check_refused(MeasuredBoot, lambda boot: boot.upload_image(file), "file"))[
            "file"
        ]

    async def test_one_that_is_not_there(self, tmp_path: Path) -> None:
        (text,) = await self.refused(tmp_path / "uki.efi")
        assert "uki.efi" in text or "exist" in text

    async def test_a_directory(self, tmp_path: Path) -> None:
        assert await self.refused(str(tmp_path))

    @pytest.mark.parametrize("file", [None, 1, b"MZ", ["uki.efi"]], ids=str)
    async def test_what_is_no_file(self, file: Any) -> None:
        assert await self.refused(file) == (f"path must be a path, not {type(file).__name__}",)

    async def test_one_without_a_name(self) -> None:
        assert await self.refused(Attachment.from_bytes(b"MZ", name=" ")) == ("has no name",)

    async def test_a_stream_that_ran(self) -> None:
        file = Attachment.from_iterator(chunks_of(b"MZ"), name="uki.efi")
        boot, _ = service(MeasuredBoot, Reply(json=STORED))
        await boot.upload_image(file)
        assert await self.refused(file)

    async def test_one_that_is_too_large(self, tmp_path: Path) -> None:
        path = tmp_path / "uki.efi"
        path.touch()
        os.truncate(path, GIB + 1)
        text = "uki.efi: 1073741825 bytes are more than 1073741824"
        assert await self.refused(path) == (text,)
        declared = Attachment.from_stream(chunks_of, name="uki.efi", size=GIB + 1)
        assert await self.refused(declared) == (text,)

    async def test_the_largest_is_begun(self) -> None:
        largest = Attachment.from_stream(chunks_of, name="uki.efi", size=GIB)
        boot, _ = service(MeasuredBoot)
        error = await failure_of(boot.upload_image(largest))
        assert isinstance(error, AttachmentError)
        assert f"ended after 0 of its {GIB} bytes" in str(error)

    async def test_the_limits_of_tickets_do_not_matter(self) -> None:
        transport = FakeTransport(Reply(json=STORED))
        limits = Limits(max_files=0, max_file_size=0, max_total_size=0)
        vps = VPSBG("key", transport=transport, limits=limits)
        assert (await upload(MeasuredBoot(vps._caller))).id == 229


class TestUploadOnTheWire:
    """On a real socket, with a server that takes what comes as it comes."""

    @pytest.mark.parametrize("kind", ["path", "bytes", "stream", "unknown"])
    async def test_every_kind_of_file(self, kind: str, tmp_path: Path) -> None:
        path = tmp_path / "uki.efi"
        path.write_bytes(BIG)
        half = len(BIG) // 2

        def halves() -> AsyncIterator[bytes]:
            return chunks_of(BIG[:half], BIG[half:])

        files: dict[str, AttachmentLike] = {
            "path": path,
            "bytes": Attachment.from_bytes(BIG, name="uki.efi"),
            "stream": Attachment.from_stream(halves, name="uki.efi", size=len(BIG)),
            "unknown": Attachment.from_stream(halves, name="uki.efi"),
        }
        received: list[Received] = []

        async def serve(connection: RawConnection) -> None:
            received.append(await connection.request())
            await connection.answer(201, b'{"id": 229}')

        async with RawServer(serve) as server, VPSBG("key", base_url=server.url) as vps:
            image = await MeasuredBoot(vps._caller).upload_image(files[kind])
        assert image == MeasuredBootImage(id=229)
        (request,) = received
        assert (request.method, request.target) == ("POST", "/measured-boot-images")
        assert request.headers["Accept"] == "application/json"
        assert request.headers["Authorization"] == "Bearer key"
        if kind == "unknown":
            assert request.headers["Transfer-Encoding"] == "chunked"
        else:
            assert request.headers["Content-Length"] == str(len(request.body))
        check_form(request.body, request.headers["Content-Type"], BIG)

    async def test_a_file_that_shrinks_leaves_no_whole_form(self, tmp_path: Path) -> None:
        path = tmp_path / "uki.efi"
        path.write_bytes(BIG * 16)
        got = b""

        async def serve(connection: RawConnection) -> None:
            nonlocal got
            await connection.head()
            os.truncate(path, 1000)
            while chunk := await connection.reader.read(65536):
                got += chunk

        async with RawServer(serve) as server, VPSBG("key", base_url=server.url) as vps:
            error = await failure_of(MeasuredBoot(vps._caller).upload_image(path))
            await server.connections[0].gone.wait()
        assert isinstance(error, AttachmentError)
        assert isinstance(error.attachment, Attachment)
        assert error.attachment.name == "uki.efi"
        assert error.outcome is Outcome.NOT_SENT
        assert b"--\r\n" not in got[-100:]
        assert len(server.connections) == 1

    async def test_a_stream_that_fails_is_named(self) -> None:
        async def failing() -> AsyncIterator[bytes]:
            yield b"MZ"
            raise OSError("the source is gone")

        async def serve(connection: RawConnection) -> None:
            await connection.until_gone()

        file = Attachment.from_stream(failing, name="uki.efi", size=100)
        async with (
            RawServer(serve) as server,
            VPSBG("key", base_url=server.url, retry=None) as vps,
        ):
            error = await failure_of(MeasuredBoot(vps._caller).upload_image(file))
        assert isinstance(error, AttachmentError)
        assert error.attachment is file
        assert str(error).startswith("POST /measured-boot-images: uki.efi could not be read")

    async def test_a_stream_that_stands_still_is_named(self) -> None:
        async def standing() -> AsyncIterator[bytes]:
            yield b"MZ"
            await asyncio.sleep(60)

        async def serve(connection: RawConnection) -> None:
            await connection.until_gone()

        file = Attachment.from_stream(standing, name="uki.efi", size=100)
        async with (
            RawServer(serve) as server,
            VPSBG("key", base_url=server.url, retry=None, timeouts=Timeouts(stall=0.1)) as vps,
        ):
            error = await failure_of(MeasuredBoot(vps._caller).upload_image(file))
        assert isinstance(error, AttachmentError)
        assert error.attachment is file

    async def test_a_server_that_closes_without_an_answer(self) -> None:
        async def serve(connection: RawConnection) -> None:
            await connection.request()

        async with RawServer(serve) as server, VPSBG("key", base_url=server.url) as vps:
            error = await failure_of(MeasuredBoot(vps._caller).upload_image(IMAGE))
        assert isinstance(error, OutcomeUnknownError)
        assert "it may have happened" in str(error)
        assert len(server.connections) == 1

    async def test_a_file_that_grows_is_clipped_and_told_of(self, tmp_path: Path) -> None:
        path = tmp_path / "uki.efi"
        path.write_bytes(BIG * 16)
        received: list[bytes] = []
        content_types: list[str] = []

        async def serve(connection: RawConnection) -> None:
            _, _, headers = await connection.head()
            with path.open("ab") as file:
                file.write(b"more")
            content_types.append(headers["Content-Type"])
            length = int(headers["Content-Length"])
            received.append(await connection.reader.readexactly(length))
            await connection.answer(200, b'{"id": 229}')

        events: list[AttachmentClipped] = []

        def note(event: object) -> None:
            if isinstance(event, AttachmentClipped):
                events.append(event)

        async with (
            RawServer(serve) as server,
            VPSBG("key", base_url=server.url, on_event=note) as vps,
        ):
            await MeasuredBoot(vps._caller).upload_image(path)
        check_form(received[0], content_types[0], BIG * 16)
        assert [(event.name, event.added) for event in events] == [("uki.efi", 4)]


class TestDelete:
    async def test_it_is_deleted(self) -> None:
        boot, transport = service(MeasuredBoot, Reply(status=204))
        await boot.delete_image("229")
        assert sent(transport) == [("DELETE", "/measured-boot-images/229", None)]

    async def test_it_is_never_sent_again_blindly(self) -> None:
        await check_is_sent_once(MeasuredBoot, lambda boot: boot.delete_image(229))

    @pytest.mark.parametrize("status", [404, 405])
    async def test_a_path_that_there_may_not_be(self, status: int) -> None:
        boot, _ = service(MeasuredBoot, Reply(status=status))
        error = await failure_of(boot.delete_image(229))
        assert isinstance(error, APIError)
        assert "deduced" in str(error)

    async def test_what_cannot_be_sent(self) -> None:
        await check_refused(MeasuredBoot, lambda boot: boot.delete_image(""), "id")


class TestSet:
    async def test_the_documented_request(self) -> None:
        example = operation("measured_boot_set").request["example"]
        boot, transport = service(MeasuredBoot, Reply(json={"id": 7, "hostname": "a"}))
        server = await boot.set("7", **example)
        assert server == Server(id=7, hostname="a")
        assert sent(transport) == [("POST", "/servers/7/measured-boot", example)]

    async def test_none_detaches(self) -> None:
        boot, transport = service(MeasuredBoot, Reply(json={"id": 7}))
        await boot.set(7, kernel_image_id=None)
        assert sent(transport)[0][2] == {"kernel_image_id": None}

    @pytest.mark.parametrize("initrd_image_id", [None, 230])
    @pytest.mark.parametrize("otp", [123456, "012345"])
    async def test_all_that_is_known(self, initrd_image_id: int | None, otp: int | str) -> None:
        boot, transport = service(MeasuredBoot, Reply(json={"id": 7}))
        given: dict[str, Any] = {
            "kernel_image_id": 229,
            "initrd_image_id": initrd_image_id,
            "account_password": "hunter22",
            "otp": otp,
        }
        await boot.set(7, **given)
        assert sent(transport)[0][2] == given

    async def test_any_field_may_lack_but_the_ids(self) -> None:
        answer = specimen("MeasuredBootResult")
        boot, _ = service(MeasuredBoot, Reply(json=answer), Reply(json={"id": 7}))
        server = await attach(boot)
        assert (server.id, server.hostname, server.extra) == (1, "0.5", {})
        assert server.state is not None
        assert await attach(boot) == Server(id=7)

    async def test_it_reboots_and_is_never_sent_again_blindly(self) -> None:
        await check_is_sent_once(MeasuredBoot, attach)

    async def test_a_locked_one(self) -> None:
        boot, transport = service(
            MeasuredBoot, Reply(status=423), retry=RetryPolicy(wait_if_locked=True)
        )
        error = await failure_of(attach(boot))
        assert isinstance(error, LockedError)
        assert "it may still happen: read the state" in str(error)
        assert len(transport.calls) == 1

    async def test_the_password_shows_in_no_error(self) -> None:
        boot, _ = service(MeasuredBoot, Reply(status=500))
        error = await failure_of(boot.set(7, kernel_image_id=1, account_password="hunter22"))
        assert "hunter22" not in f"{error}{error!r}{vars(error)}"

    @pytest.mark.parametrize("kernel_image_id", ["229", -1, True, 1.5])
    async def test_what_cannot_be_sent(self, kernel_image_id: Any) -> None:
        await check_refused(
            MeasuredBoot,
            lambda boot: boot.set("", kernel_image_id=kernel_image_id),
            *("id", "kernel_image_id"),
        )

    async def test_what_is_no_json(self) -> None:
        wrong: Any = object()
        boot, transport = service(MeasuredBoot)
        error = await failure_of(boot.set(7, kernel_image_id=1, otp=wrong))
        assert isinstance(error, InvalidInputError)
        assert transport.calls == []
