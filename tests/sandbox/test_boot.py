"""Measured boot: images, and servers that boot from them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from vpsbg_async.sandbox import boot

from .conftest import Answer, CheckedApi, Clock, files_in, until
from .forms import END, file, text

IMAGES = "/measured-boot-images"


async def upload(api: CheckedApi, content: bytes = b"MZ", name: str = "own.efi") -> Answer:
    return await api.post(IMAGES, file(name, content, name="file") + END)


async def test_an_upload(checked: CheckedApi, directory: Path) -> None:
    content = bytes(range(256)) * 20_000
    answer = await upload(checked, content)
    assert answer.status == 201
    assert answer.json == {
        "id": 12346,
        "name": "own.efi",
        "size": len(content),
        "in_use": False,
        "type": None,
        "created_at": "2024-08-02T11:57:57Z",
    }
    image = checked.sandbox.boot_images[-1]
    assert image.sha256 == hashlib.sha256(content).hexdigest()
    assert image.path is not None
    assert files_in(directory) == [image.path]
    assert image.path.read_bytes() == content
    assert await checked.listed(IMAGES) == [229, 12345, 12346]


async def test_there_are_five_at_most(checked: CheckedApi, directory: Path) -> None:
    for _ in range(3):
        assert (await upload(checked)).status == 201
    answer = await upload(checked)
    assert answer.status == 422
    assert answer.json["errors"] == {"file": ["You may not have more than 5 images."]}
    assert len(files_in(directory)) == 3
    await checked.call("DELETE", f"{IMAGES}/229", status=204)
    assert (await upload(checked)).status == 201


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (END, "The file field is required."),
        (text("file", "MZ") + END, "The file field must be a file."),
        (file("a.efi", name="file")[:-4], "The file failed to upload."),
        (file("a.efi", b"x" * 1025, name="file") + END, "than 1048576 kilobytes."),
    ],
)
async def test_what_is_wrong(
    checked: CheckedApi,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    body: bytes,
    said: str,
) -> None:
    monkeypatch.setattr(boot, "_LARGEST", 1024)
    answer = await checked.post(IMAGES, body)
    assert answer.status == 422
    assert answer.json["errors"]["file"][0].endswith(said)
    assert not files_in(directory)


async def test_what_is_deleted_is_gone(checked: CheckedApi, directory: Path) -> None:
    await upload(checked)
    await checked.call("DELETE", f"{IMAGES}/12346", status=204)
    await checked.call("DELETE", f"{IMAGES}/12346", status=404)
    assert await checked.listed(IMAGES) == [229, 12345]
    await until(lambda: not files_in(directory))


async def change(api: CheckedApi, image: int | None) -> dict[str, Any]:
    path = "/servers/2864/measured-boot"
    server: dict[str, Any] = await api.call("POST", path, {"kernel_image_id": image})
    return server


async def test_attached_it_reboots_and_detached_it_stays_off(
    checked: CheckedApi, clock: Clock
) -> None:
    server = await change(checked, 229)
    assert (server["id"], server["locked"], server["state"]["running"]) == (2864, True, False)
    assert server["state"]["measured_boot"]["kernel_image"]["id"] == 229
    assert await checked.listed(IMAGES, "in_use") == [True, False]
    clock.now += 3
    assert (await checked.call("GET", "/servers/2864/status"))["running"] is True
    answer = await checked.call("DELETE", f"{IMAGES}/229", status=423)
    assert answer == {"message": "Locked"}
    server = await change(checked, None)
    assert server["state"]["measured_boot"] is None
    clock.now += 3600
    assert (await checked.call("GET", "/servers/2864/status"))["running"] is False
    await checked.call("DELETE", f"{IMAGES}/229", status=204)
    await checked.call("POST", "/servers/2864/start", status=204)
    clock.now += 3
    assert (await checked.call("GET", "/servers/2864/status"))["running"] is True


async def test_there_has_to_be_such_an_image(checked: CheckedApi) -> None:
    path = "/servers/2864/measured-boot"
    assert await checked.refused("POST", path, {}) == {
        "kernel_image_id": ["The kernel image id field must be present."]
    }
    assert await checked.refused("POST", path, {"kernel_image_id": 1}) == {
        "kernel_image_id": ["The selected kernel image id is invalid."]
    }
