"""Measured boot: images that a client brings, and servers that boot from them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from attrs import frozen

from .files import Folder, Uploads
from .forms import Upload, read_form
from .lookup import find
from .machines import Machines
from .refusals import RefusedError
from .times import zoned
from .validation import (
    Rule,
    exists,
    file,
    integer,
    invalid,
    nullable,
    present,
    required,
    uploaded,
    validate,
)

__all__ = ["BootImages", "MeasuredBoot", "StoredImage"]

_MOST: Final = 5  # images an account may have
_LARGEST: Final = 1 << 30  # bytes
_TOO_LARGE: Final = Rule(
    lambda value: (
        not isinstance(value, Upload) or value.file is None or value.file.size <= _LARGEST
    ),
    f"The :attribute field must not be greater than {_LARGEST >> 10} kilobytes.",
)
_UPLOAD_RULES: Final = {"file": [required, file, uploaded, _TOO_LARGE]}
_TOO_MANY: Final = f"You may not have more than {_MOST} images."


@frozen
class StoredImage:
    """A measured boot image.

    Attributes:
        sha256: The checksum of its content, in hexadecimal.
        path: Where it lies as long as the sandbox runs; None for those that nobody uploaded.
    """

    id: int
    name: str
    size: int
    created_at: datetime
    sha256: str = ""
    path: Path | None = None

    def tell(self, *, in_use: bool) -> dict[str, Any]:
        """What the API tells of it."""
        return {
            "id": self.id,
            "name": self.name,
            "size": self.size,
            "in_use": in_use,
            "type": None if self.path else "kernel",
            "created_at": zoned(self.created_at),
        }


class BootImages:
    """The measured boot images of the account.

    Args:
        clock: Unix seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ids = count(12346)
        self._images = {
            number: StoredImage(number, name, 12345, datetime(2026, 8, 12, tzinfo=UTC))
            for number, name in ((229, "hardened.efi"), (12345, "example.efi"))
        }

    def all(self) -> tuple[StoredImage, ...]:
        """The images, oldest first."""
        return tuple(self._images.values())

    def get(self, number: int) -> StoredImage | None:
        """The image of that number."""
        return self._images.get(number)

    def numbers(self) -> set[int]:
        """The numbers of the images."""
        return set(self._images)

    def add(self, upload: Upload) -> StoredImage:
        """Keep a file that came in.

        Raises:
            RefusedError: There are as many as there may be (422).
        """
        if len(self._images) >= _MOST or upload.file is None:
            raise invalid("file", _TOO_MANY)
        created = datetime.fromtimestamp(self._clock(), UTC)
        received = upload.file
        image = StoredImage(
            next(self._ids), upload.name, received.size, created, received.sha256, received.path
        )
        self._images[image.id] = image
        return image

    def remove(self, image: StoredImage) -> None:
        """Forget an image."""
        self._images.pop(image.id, None)


class MeasuredBoot:
    """What a client can do with measured boot.

    Args:
        machines: The servers.
        images: The images.
        folder: Their files.
    """

    def __init__(self, machines: Machines, images: BootImages, folder: Folder) -> None:
        self._machines = machines
        self._images = images
        self._folder = folder

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The routes, each path after ``prefix``."""
        images = f"{prefix}/measured-boot-images"
        return [
            web.get(images, self.list),
            web.post(images, self.upload),
            web.delete(f"{images}/{{id}}", self.delete),
            web.post(f"{prefix}/servers/{{id}}/measured-boot", self.change),
        ]

    async def list(self, _: web.Request) -> web.Response:
        """All images, not by pages."""
        return web.json_response({"data": [self._told(image) for image in self._images.all()]})

    async def upload(self, request: web.Request) -> web.Response:
        """A new image."""
        async with Uploads(self._folder) as uploads:
            fields = validate(await read_form(request, uploads), _UPLOAD_RULES)
            image = self._images.add(fields["file"])
            uploads.keep([fields["file"].file])
        return web.json_response(self._told(image), status=201)

    async def delete(self, request: web.Request) -> web.Response:
        """An image less, unless a server boots from it."""
        image = find(request, "MeasuredBootImage", self._images.get)
        await read_form(request)
        if image.id in self._in_use():
            raise RefusedError(423, "Locked")
        self._images.remove(image)
        if image.path is not None:
            self._folder.submit(image.path.unlink, missing_ok=True)
        return web.Response(status=204)

    async def change(self, request: web.Request) -> web.Response:
        """Boot from an image, or from none again; after that a server was seen to stay off."""
        machine = self._machines.find(request)
        rules = {"kernel_image_id": [present, nullable, integer, exists(self._images.numbers())]}
        number = validate(await read_form(request), rules)["kernel_image_id"]
        image = None if number is None else self._images.get(int(number))
        self._machines.restart(machine, stays_off=image is None)
        machine.kernel_image = None if image is None else image.tell(in_use=True)
        return web.json_response(machine.tell())

    def _in_use(self) -> set[int]:
        images = [machine.kernel_image for machine in self._machines.all()]
        return {image["id"] for image in images if image is not None}

    def _told(self, image: StoredImage) -> dict[str, Any]:
        return image.tell(in_use=image.id in self._in_use())
