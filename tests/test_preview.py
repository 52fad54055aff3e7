"""What a ticket would be sent as; and the command for curl, which the real curl runs."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from vpsbg_async import (
    VPSBG,
    Attachment,
    AttachmentLike,
    InvalidInputError,
    Limits,
    PreviewPart,
    RequestPreview,
)
from vpsbg_async.sandbox import Sandbox, StoredTicket
from vpsbg_async.testing import FakeTransport, RawConnection, RawServer, Received, Reply

KEY = "s3cret-key"
BASE = "https://api.test/v1"
TICKET: dict[str, Any] = {"department_id": 2, "subject": "Down", "message": "It is down."}

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")


async def given() -> AsyncIterator[bytes]:
    raise AssertionError("the stream was begun")
    yield b""


def silent(**settings: Any) -> VPSBG:
    """A client that fails the test if it sends anything."""
    return VPSBG(KEY, base_url=BASE, transport=FakeTransport(), **settings)


class TestPreview:
    async def test_of_a_plain_ticket(self) -> None:
        preview = await silent().tickets.preview(**TICKET)
        assert (preview.method, preview.url) == ("POST", f"{BASE}/support/tickets")
        assert preview.parts == (
            PreviewPart(name="message", value="It is down.", size=11),
            PreviewPart(name="subject", value="Down", size=4),
            PreviewPart(name="department_id", value="2", size=1),
        )
        assert preview.remarks == ()

    async def test_of_all_kinds_of_files(self, tmp_path: Path) -> None:
        (tmp_path / "mtr.txt").write_bytes(bytes(100_000))
        files: list[AttachmentLike] = [
            tmp_path / "mtr.txt",
            Attachment.from_bytes(b"\x89PNG", name="снимка.png"),
            Attachment.from_stream(given, name="log/of: today.log", size=7),
            Attachment.from_iterator(given(), name="it.bin", content_type="application/x-it"),
        ]
        preview = await silent().tickets.preview(**TICKET, attachments=files)
        assert [
            (part.filename, part.content_type, part.size, part.path)
            for part in preview.parts
            if part.name == "attachments[]"
        ] == [
            ("mtr.txt", "text/plain", 100_000, tmp_path / "mtr.txt"),
            ("снимка.png", "image/png", 4, None),
            ("of_ today.log", "text/plain", 7, None),
            ("it.bin", "application/x-it", None, None),
        ]
        assert preview.content_length is None
        assert preview.headers["Transfer-Encoding"] == "chunked"
        assert "Content-Length" not in preview.headers

    async def test_is_what_is_sent_then(self, tmp_path: Path) -> None:
        (tmp_path / "mtr.txt").write_bytes(b"data")
        ticket = {
            **TICKET,
            "message": "<p>Ето.</p>",
            "service_type": "server",
            "service_id": 2747,
            "reference_marker": "case-1",
            "attachments": [tmp_path / "mtr.txt", Attachment.from_bytes(b"", name="empty")],
        }
        transport = FakeTransport(Reply(json={"id": 1}))
        vps = VPSBG(KEY, base_url=BASE, transport=transport, headers={"X-Trace": "7"})
        preview = await vps.tickets.preview(**ticket)
        assert transport.calls == []
        await vps.tickets.create(**ticket)
        (call,) = transport.calls
        assert preview.method == call.request.method
        assert preview.url == call.request.url
        assert preview.content_length == len(call.body)
        assert preview.headers["Content-Length"] == str(len(call.body))
        hidden = {**call.request.headers, "Authorization": "***"}
        assert dict(preview.headers) | hidden == dict(preview.headers)
        assert call.fields == {
            part.name: part.value for part in preview.parts if part.value is not None
        }
        assert [(file.name, file.content_type, len(file.content)) for file in call.files] == [
            (part.filename, part.content_type, part.size)
            for part in preview.parts
            if part.filename is not None
        ]
        names = [call.body.index(f'name="{part.name}"'.encode()) for part in preview.parts]
        assert names == sorted(names)

    async def test_uses_no_stream_up(self) -> None:
        async def lines() -> AsyncIterator[bytes]:
            yield b"one line\n"

        file = Attachment.from_iterator(lines(), name="lines.log")
        transport = FakeTransport(Reply(json={"id": 1}))
        vps = VPSBG(KEY, transport=transport)
        for _ in range(2):
            await vps.tickets.preview(**TICKET, attachments=[file])
        await vps.tickets.create(**TICKET, attachments=[file])
        assert transport.calls[0].files[0].content == b"one line\n"
        with pytest.raises(InvalidInputError, match="was sent before"):
            await vps.tickets.preview(**TICKET, attachments=[file])

    async def test_tells_no_secret(self) -> None:
        vps = silent(headers={"Cookie": "crumbs", "X-Trace": "7"})
        preview = await vps.tickets.preview(**TICKET)
        shown = f"{preview}{dict(preview.headers)}{preview.curl}"
        assert KEY not in shown
        assert "crumbs" not in shown
        assert "--header 'X-Trace: 7'" in preview.curl
        assert preview.remarks == ("*** stands for the value of Cookie",)

    async def test_makes_up_a_marker(self) -> None:
        preview = await silent().tickets.preview(**TICKET, reference_marker=True)
        assert "[ref " in str(preview.parts[0].value)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"department_id": 0, "subject": "No", "message": ""},
            {"attachments": ["/nowhere/at/all", 7, Attachment.from_bytes(b"", name="")]},
            {"attachments": "mtr.txt"},
            {"attachments": [Attachment.from_bytes(b"", name="a")] * 3},
            {"on_unknown": "guess"},
            {"reference_marker": "?"},
            {"service_id": -1, "attachments": ["/nowhere/at/all"]},
        ],
        ids=str,
    )
    async def test_refuses_what_create_refuses(self, wrong: dict[str, Any]) -> None:
        tickets = silent(limits=Limits(max_files=2)).tickets
        with pytest.raises(InvalidInputError) as of_create:
            await tickets.create(**{**TICKET, **wrong})
        with pytest.raises(InvalidInputError) as of_preview:
            await tickets.preview(**{**TICKET, **wrong})
        assert of_preview.value.errors == of_create.value.errors
        assert str(of_preview.value) == str(of_create.value)

    async def test_goes_on_with_the_client_at_hand(self) -> None:
        vps = silent()
        assert await vps.tickets.preview(**TICKET)
        with pytest.raises(AssertionError, match="no reply was given"):
            await vps.tickets.create(**TICKET)


async def run(preview: RequestPreview, files: Sequence[Path] = (), **places: Path) -> None:
    """Run its command in a shell, with files in the places of what curl cannot send."""
    command = preview.curl
    for part in preview.parts:
        if f"/path/to/{part.filename}" in command:
            (found,) = [file for file in files if file.name == part.filename]
            command = command.replace(f"/path/to/{part.filename}", str(found))
    for name, place in places.items():
        command = command.replace(f"/path/to/{name}", str(place))
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        f"{command} --silent --show-error --fail --max-time 30",
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "VPSBG_API_KEY": KEY},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


def content_of(ticket: StoredTicket) -> list[object]:
    """What has arrived."""
    (message,) = ticket.messages
    files = [(file.name, file.size, file.sha256, file.mime_type) for file in message.attachments]
    about = (ticket.department_id, ticket.service_type, ticket.service_id)
    return [about, ticket.subject, message.content, *files]


TEXTS = {
    "quotes": ('It\'s "down"', "<p class='a'>It's \"so\".</p>"),
    "shell": ("$HOME `id` $(id) !! \\ *", "~ && exit 1; # ${VPSBG_API_KEY} %s %%\\n"),
    "curl": ("@/etc/hostname", "</etc/hostname;type=text/html;filename=a,b"),
    "lines": ("Two", "one\ntwo\r\nthree\n\tfour"),
    "letters": ("Сървърът спря 🔥", "Ето снимка: naïve ☃"),
    "equals": ("a=b=c", "message=other&subject=more"),
}
FILES = ["plain.txt", "снимка 🔥.png", "a;b,c=d.log", "it's $HOME `id`.tar.gz", "%22 @ #.bin"]
TYPES = [
    "text/plain; charset=utf-8",
    'text/plain; name="a,b;c"',
    "application/x-a; b=c, d; filename=e",
    "multipart/form-data; boundary=\\",
]


@needs_curl
class TestCurl:
    @pytest.mark.parametrize(("subject", "message"), TEXTS.values(), ids=TEXTS)
    async def test_sends_the_texts(self, subject: str, message: str) -> None:
        await self.compare(subject=subject, message=message, reference_marker="case-1")

    async def test_sends_the_service(self) -> None:
        await self.compare(service_type="server", service_id=2747)

    async def test_sends_the_files(self, tmp_path: Path) -> None:
        for name in FILES:
            (tmp_path / name).write_bytes(f"content of {name}".encode())
        (tmp_path / "large.bin").write_bytes(os.urandom(3_000_000))  # curl asks before it sends it
        await self.compare(attachments=[tmp_path / name for name in (*FILES, "large.bin")])

    async def test_sends_files_from_odd_folders_under_other_names(self, tmp_path: Path) -> None:
        folder = tmp_path / 'a "quoted", \\ one; with\na line'
        folder.mkdir()
        (folder / "-").write_bytes(b"data")
        await self.compare(attachments=[Attachment.from_path(folder / "-", name="mtr.txt")])

    async def test_sends_files_of_the_working_directory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "-").write_bytes(b"data")
        monkeypatch.chdir(tmp_path)
        await self.compare(attachments=["-"])

    @pytest.mark.parametrize("content_type", TYPES)
    async def test_sends_the_types(self, content_type: str, tmp_path: Path) -> None:
        path = tmp_path / "a.bin"
        path.write_bytes(b"data")
        await self.compare(attachments=[Attachment.from_path(path, content_type=content_type)])

    async def test_sends_what_is_in_memory_from_files(self, tmp_path: Path) -> None:
        (tmp_path / "снимка.png").write_bytes(b"\x89PNG")

        async def stream() -> AsyncIterator[bytes]:
            yield b"one line\n"

        (tmp_path / "lines.log").write_bytes(b"one line\n")
        preview = await self.compare(
            attachments=[
                Attachment.from_bytes(b"\x89PNG", name="снимка.png"),
                Attachment.from_stream(stream, name="lines.log"),
            ],
            in_memory=[tmp_path / "снимка.png", tmp_path / "lines.log"],
        )
        assert preview.remarks == (
            "/path/to/снимка.png stands for a file that holds what is sent as снимка.png",
            "/path/to/lines.log stands for a file that holds what is sent as lines.log",
        )

    async def test_sends_files_whose_paths_are_no_text(self, tmp_path: Path) -> None:
        path = tmp_path / os.fsdecode(b"\xff.txt")
        path.write_bytes(b"data")
        (tmp_path / "_.txt").write_bytes(b"data")
        preview = await self.compare(attachments=[path], in_memory=[tmp_path / "_.txt"])
        preview.curl.encode()

    @pytest.mark.parametrize("message", ["a\0b, and more", "long. " * 50_000], ids=["nul", "long"])
    async def test_sends_what_no_argument_can_hold_from_a_file(
        self, message: str, tmp_path: Path
    ) -> None:
        (tmp_path / "words").write_text(message, encoding="utf-8")
        preview = await self.compare(message=message, places={"message": tmp_path / "words"})
        told = "/path/to/message stands for a file that holds the message"
        assert preview.remarks == (told,)

    async def test_sends_the_same_headers_and_parts(self, tmp_path: Path) -> None:
        """The parts in their order too: the last is the one that proves the form whole."""
        (tmp_path / "mtr.txt").write_bytes(b"data")
        received: list[Received] = []

        async def keep(connection: RawConnection) -> None:
            received.append(await connection.request())
            await connection.answer(201, b'{"id": 1}', [("Connection", "close")])

        headers = {"X-Trace": "it's 7"}
        async with (
            RawServer(keep) as server,
            VPSBG(KEY, base_url=server.url, headers=headers) as vps,
        ):
            ticket = {**TICKET, "attachments": [tmp_path / "mtr.txt"]}
            await vps.tickets.create(**ticket)
            await run(await vps.tickets.preview(**ticket))
        ours, curls = received
        assert (curls.method, curls.target) == (ours.method, ours.target)
        for name in ("Authorization", "Accept", "Cache-Control", "User-Agent", "X-Trace"):
            assert curls.headers[name] == ours.headers[name]
        assert parts_of(curls) == parts_of(ours)

    async def compare(
        self,
        *,
        attachments: Sequence[AttachmentLike] = (),
        in_memory: Sequence[Path] = (),
        places: dict[str, Path] | None = None,
        **more: Any,
    ) -> RequestPreview:
        """Send the same ticket with `create` and with curl, and compare what has arrived."""
        ticket = {**TICKET, **more, "attachments": attachments}
        async with Sandbox(api_key=KEY) as sandbox, VPSBG(KEY, base_url=sandbox.url) as vps:
            preview = await vps.tickets.preview(**ticket)
            assert not sandbox.tickets
            await vps.tickets.create(**ticket)
            await run(preview, in_memory, **places or {})
            ours, curls = sandbox.tickets
            assert content_of(curls) == content_of(ours)
        return preview


def parts_of(received: Received) -> list[bytes]:
    """The parts of a form, whatever it has between them."""
    boundary = received.headers["Content-Type"].partition("boundary=")[2].encode()
    return received.body.split(b"--" + boundary)
