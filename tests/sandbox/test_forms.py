from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Api, files_in
from .forms import BOUNDARY, END, MULTIPART, file, part, text, ticket

FIELDS = text("department_id", "2") + text("subject", "abc") + text("message", "abcde")


def names(api: Api) -> list[str]:
    return [file.name for file in api.sandbox.tickets[-1].messages[-1].attachments]


@pytest.mark.parametrize(
    ("parameter", "name"),
    [
        ('filename="снимка.png"', "снимка.png"),
        ('filename="50%.txt"', "50%.txt"),
        ('filename="50%25.txt"', "50%25.txt"),
        ('filename="a%22b.txt"', "a%22b.txt"),
        ('filename="a%5Cb"', "a%5Cb"),
        (r'filename="a\"b.txt"', 'a"b.txt'),
        (r'filename="\"q\".txt"', '"q".txt'),
        (r'filename="a\b\"c.txt"', 'b"c.txt'),
        (r'filename="a\\b.txt"', "b.txt"),
        (r'filename="C:\dir\x.txt"', "x.txt"),
        (r'filename="..\..\e.txt"', "e.txt"),
        ('filename="/etc/passwd"', "passwd"),
        ('filename="dir/"', ""),
        ('filename="a;b.txt"', "a;b.txt"),
        ('filename="a;b;c.txt"', "a;b;c.txt"),
        ('filename="; name=x.txt"', "; name=x.txt"),
        ('filename="a=b.txt"', "a=b.txt"),
        ('filename="a\'b.txt"', "a'b.txt"),
        ('filename=" lead.txt"', " lead.txt"),
        ('filename="trail.txt "', "trail.txt "),
        ('filename="tab\there"', "tab\there"),
        ('filename="."', "."),
        ('filename="x.txt', "x.txt"),
        ('filename="a"b"', "a"),
        ("filename=plain.txt", "plain.txt"),
        ("filename=plain txt.txt", "plain"),
        ("filename=снимка.png", "снимка.png"),
        (r"filename=a\\b", "b"),
        ("filename='sq.txt'", "sq.txt"),
        (r"filename='s\'q.txt'", "s'q.txt"),
        ('FileName="case.txt"', "case.txt"),
        ('filename="one.txt"; filename="two.txt"', "two.txt"),
        ("filename=\"x.txt\"; filename*=UTF-8''y.txt", "x.txt"),
        ("filename*=UTF-8''y.txt; filename=\"x.txt\"", "x.txt"),
        ('filename="x.txt";', "x.txt"),
        ('filename="x.txt"; size=3', "x.txt"),
        ('foo; filename="x.txt"', "x.txt"),
    ],
)
async def test_a_filename_arrives_as_php_reads_it(api: Api, parameter: str, name: str) -> None:
    answer = await api.create(part(f'name="attachments[]"; {parameter}', b"data"))
    assert answer.status == 200
    assert names(api) == [name]
    assert answer.json["messages"][0]["attachments"][0]["name"] == name


async def test_bytes_of_a_filename_that_are_no_utf_8(api: Api) -> None:
    odd = file("a?b.txt").replace(b"a?b", b"a\xffb")
    answer = await api.create(odd)
    assert answer.json["messages"][0]["attachments"][0]["name"] == "a\ufffdb.txt"


@pytest.mark.parametrize(
    "disposition",
    [
        'name="attachments[]"; filename=""',
        'name="attachments[]"; filename=',
        'name="attachments%5B%5D"; filename="x"',
        "name*=UTF-8''attachments[]; filename=\"x\"",
    ],
)
async def test_files_that_are_lost_silently(api: Api, directory: Path, disposition: str) -> None:
    answer = await api.create(part(disposition, b"data"), file("kept.txt"))
    assert answer.status == 200
    assert names(api) == ["kept.txt"]
    assert len(files_in(directory)) == 1


@pytest.mark.parametrize(
    "parameter",
    ["filename*=UTF-8''x.txt", 'filename = "spaced.txt"', 'filename*0="ab"; filename*1="c"', ""],
)
async def test_files_that_are_texts_to_php(api: Api, parameter: str) -> None:
    answer = await api.create(part(f'name="attachments[]"; {parameter}', b"data"))
    assert answer.status == 422
    assert answer.json["errors"] == {"attachments.0": ["The attachments.0 field must be a file."]}


async def test_a_file_takes_the_place_of_a_text(api: Api) -> None:
    await api.create(text("attachments[]", "x"), file("a"), file("b"))
    assert names(api) == ["a", "b"]
    await api.create(text("attachments", "x"), file("a"))
    assert names(api) == ["a"]


async def test_the_last_of_a_name_wins(api: Api) -> None:
    await api.create(
        file("lost.txt", name="attachments"), file("array.txt"), text("subject", "the last")
    )
    assert names(api) == ["array.txt"]
    assert api.sandbox.tickets[0].subject == "the last"
    answer = await api.create(file("array.txt"), file("alone.txt", name="attachments"))
    assert answer.json["errors"] == {"attachments": ["The attachments field must be an array."]}


async def test_the_21st_file_is_dropped(api: Api, directory: Path) -> None:
    files = [file(f"{number}") for number in range(25)]
    answer = await api.create(file("", name="other[]"), *files, text("subject", "after"))
    assert answer.status == 200
    assert names(api) == [f"{number}" for number in range(20)]
    assert len(files_in(directory)) == 20
    assert answer.json["subject"] == "after"


async def test_files_of_other_names_count_and_are_removed(api: Api, directory: Path) -> None:
    others = [file("o", name=f"other{number}") for number in range(15)]
    await api.create(*others, *(file(f"{number}") for number in range(10)))
    assert names(api) == ["0", "1", "2", "3", "4"]
    assert len(files_in(directory)) == 5


@pytest.mark.parametrize(
    ("headers", "mime_type"),
    [
        ([], "application/octet-stream"),
        (["Content-Type:"], "application/octet-stream"),
        (["Content-Type: text/plain; charset=utf-8"], "text/plain"),
        (["content-type: IMAGE/png"], "IMAGE/png"),
        (["Content-Type: multipart/mixed"], "multipart/mixed"),
        (["Content-Type: multipart/mixed; boundary=x"], "multipart/mixed"),
        (["Content-Transfer-Encoding: binary", "Content-Length: 2"], "application/octet-stream"),
    ],
)
async def test_the_type_of_a_file(api: Api, headers: list[str], mime_type: str) -> None:
    await api.create(part('name="attachments[]"; filename="x"', b"data", *headers))
    (attachment,) = api.sandbox.tickets[0].messages[0].attachments
    assert attachment.mime_type == mime_type
    assert attachment.path.read_bytes() == b"data"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n--",
        f"\r\n--{BOUNDARY[:-1]}".encode(),
        f"x--{BOUNDARY}--\r\n".encode(),
        bytes(range(256)) * 4096,
        b"\r\n" * 1_000_000,
        b"x" * ((1 << 20) - 1),
        b"x" * (1 << 20),
        b"\r" * (5 << 20),
    ],
    ids=lambda content: f"{len(content)}-{content[:4]!r}",
)
async def test_a_file_arrives_byte_for_byte(api: Api, content: bytes) -> None:
    assert (await api.create(file("x", content), file("next", b"n"))).status == 200
    first, second = api.sandbox.tickets[0].messages[0].attachments
    assert first.path.read_bytes() == content
    assert (first.size, second.size) == (len(content), 1)


async def test_a_text_of_any_length(api: Api) -> None:
    message = "ред\r\n" * 500_000 + "край"
    await api.create(message=message)
    assert api.sandbox.tickets[0].messages[0].content == message


async def test_a_part_called_charset_is_a_field_like_any_other(api: Api) -> None:
    body = text("_charset_", "utf-16" * 9) + FIELDS + END
    assert (await api.post("/support/tickets", body)).status == 200


@pytest.mark.parametrize(
    "body",
    [
        FIELDS,
        FIELDS[:-2],
        b"preamble\r\n" + FIELDS + END,
        FIELDS + END + b"epilogue\r\n",
        FIELDS + END + b"epilogue" * 500_000,
        FIELDS + f"--{BOUNDARY}\r\nContent-Dispo".encode(),
        FIELDS + f"--{BOUNDARY}\r\nno header\r\n\r\n\r\n".encode() + END,
        FIELDS + f"--{BOUNDARY}\r\nX: {'x' * 9000}\r\n\r\n\r\n".encode() + END,
        FIELDS + f"--{BOUNDARY}x\r\n".encode() + text("subject", "x") + END,
        FIELDS + f"--{BOUNDARY}\r\n\r\nno name\r\n".encode() + END,
        FIELDS + part('filename="x"', b"no name") + part('name=""', b"empty name") + END,
    ],
    ids=range(11),
)
async def test_of_a_malformed_body_php_uses_what_it_got(api: Api, body: bytes) -> None:
    answer = await api.post("/support/tickets", body)
    assert answer.status == 200
    assert answer.json["subject"] == "abc"
    assert answer.json["messages"][0]["content"] == "abcde"


async def test_a_text_cut_short_is_a_shorter_text(api: Api) -> None:
    await api.post("/support/tickets", FIELDS + text("message", "a longer message")[:-6])
    assert api.sandbox.tickets[0].messages[0].content == "a longer mes"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (ticket(), "multipart/form-data"),
        (ticket(), "multipart/mixed; boundary=b0undary"),
        (ticket(), "text/plain"),
        (b"no part at all", MULTIPART),
        (b"", MULTIPART),
        (b'["subject"]', "application/json"),
        (b'{"subject": ', "application/json"),
        (b"\xff", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"", "application/x-www-form-urlencoded"),
    ],
)
async def test_a_body_without_fields(api: Api, body: bytes, content_type: str) -> None:
    answer = await api.post("/support/tickets", body, Content_Type=content_type)
    assert answer.status == 422
    assert list(answer.json["errors"]) == ["department_id", "subject", "message"]


async def test_a_content_type_in_any_case(api: Api) -> None:
    content_type = f'Multipart/Form-Data; Boundary="{BOUNDARY}"'
    answer = await api.post("/support/tickets", ticket(), Content_Type=content_type)
    assert answer.status == 200


async def test_a_urlencoded_body(api: Api) -> None:
    body = b"department_id=2&subject=lost&message=%D0%B1%D1%80%D1%8A%D0%BC+%FF&subject=kept+one"
    content_type = "application/x-www-form-urlencoded; charset=utf-8"
    answer = await api.post("/support/tickets", body, Content_Type=content_type)
    assert answer.json["subject"] == "kept one"
    assert answer.json["messages"][0]["content"] == "бръм \ufffd"


async def test_a_compressed_body_is_not_unpacked(api: Api) -> None:
    answer = await api.post("/support/tickets", ticket(), Content_Encoding="gzip")
    assert answer.status == 200
