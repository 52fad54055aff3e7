"""Boot images of one's own, for servers with AMD SEV-SNP."""

from __future__ import annotations

from types import NoneType

import attrs

from ..attachments import Attachment, AttachmentLike, Limits
from ..attachments.files import File
from ..attachments.prepare import Prepared, prepare
from ..core import convert
from ..core.call import Call
from ..core.caller import Caller
from ..core.endpoint import Effect, Endpoint
from ..core.fields import Fields
from ..core.multipart import Form
from ..core.pages import Pages
from ..core.unset import UNSET, Unset
from ..errors import AttachmentError, InvalidInputError, ValidationError
from ..events import AttachmentClipped
from .servers import MeasuredBootImage, Server

__all__ = ["MeasuredBoot", "MeasuredBootImage"]

_FIELD = "file"

# Documented as 1 GB, which is read as the larger of the two: a file that is refused here in error
# could not be sent at all, while one that is too large is refused by the server.
_LIMITS = Limits(max_files=1, max_file_size=2**30)

_LIST_IMAGES = Endpoint("GET", "/measured-boot-images", MeasuredBootImage, "observed")
_UPLOAD_IMAGE = Endpoint(
    "POST",
    "/measured-boot-images",
    MeasuredBootImage,
    "observed",
    frozenset({Effect.CREATES}),
)
_DELETE_IMAGE = Endpoint(
    "DELETE",
    "/measured-boot-images/{id}",
    NoneType,
    "convention",
    frozenset({Effect.IRREVERSIBLE}),
)
_SET = Endpoint(
    "POST", "/servers/{id}/measured-boot", Server, "observed", frozenset({Effect.REBOOTS})
)


class MeasuredBoot:
    """Boot images of one's own: ``vps.measured_boot``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list_images(self) -> Pages[MeasuredBootImage]:
        """The boot images of the account: await it, or iterate it.

        ``GET /measured-boot-images``, observed in use; the call is named at
        https://dev.vpsbg.eu/api-4128678. Paging is not known.

        Returns:
            The images; nothing is sent until they are awaited or iterated.

        Raises:
            TransportError: When fetched: the network failed.
            ResponseError: When fetched: the answer is not what was promised.
            APIError: When fetched: the server answered with an error; see its subclasses.
        """
        return self._caller.pages(_LIST_IMAGES)

    async def upload_image(self, file: AttachmentLike) -> MeasuredBootImage:
        """Upload a boot image, streamed like an attachment. It is never sent again blindly.

        An account can have five. One that no server boots is reported to be removed after two days.

        ``POST /measured-boot-images``, observed in use; the call is named at
        https://dev.vpsbg.eu/api-4106491. Further fields are not known.

        Args:
            file: A unified kernel image (``.efi``): an `Attachment`, or a plain path. At most 1 GB
                is documented; what is larger than 1,073,741,824 bytes is not sent.

        Returns:
            The image as it is kept, as far as the answer tells.

        Raises:
            InvalidInputError: The file cannot be sent.
            AttachmentError: The file failed on the way; no image was created.
            TransportError: The network failed; ``.outcome`` tells whether the image may exist.
            ResponseError: The image exists, and the answer is not what was promised.
            ValidationError: The server refused it; ``.attachments`` names the file.
            APIError: The server answered with another error; see its subclasses.
        """
        upload = _Upload(file)
        call = self._caller.begin(_UPLOAD_IMAGE, {})
        try:
            image = await call.run(
                lambda answer: convert.read(answer, MeasuredBootImage, may_be_empty=True),
                prepare=upload.prepare,
            )
        except (AttachmentError, ValidationError) as error:
            upload.name_file_in(error)
            raise
        upload.tell_if_clipped(call)
        return image

    async def delete_image(self, image_id: int | str) -> None:
        """Delete a boot image, which cannot be undone. It is never sent again blindly.

        ``DELETE /measured-boot-images/{id}``, a *convention*: method and path are deduced; the call
        is named at https://dev.vpsbg.eu/api-4128684.

        Args:
            image_id: Id of the image.

        Raises:
            InvalidInputError: The id cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            NotFoundError: There is no such image, or no such path.
            LockedError: The image is busy. It may still happen.
            APIError: The server answered with another error; see its subclasses.
        """
        await self._caller.call(_DELETE_IMAGE, id=image_id)

    async def set(
        self,
        server_id: int | str,
        *,
        kernel_image_id: int | None,
        initrd_image_id: int | Unset | None = UNSET,
        account_password: str | None = None,
        otp: int | str | None = None,
    ) -> Server:
        """Have a server boot an image of the account, or the stock one again. It reboots at once.

        After going back to the stock image a server has been seen to stay off, and to need
        `Servers.start`. Nothing shows that the reboot has happened, so after a 423 Locked it is not
        repeated. Wait until the server is unlocked first, and until it runs again afterwards:

        ```python
        await vps.servers.wait_until(server_id, locked=False)
        await vps.measured_boot.set(server_id, kernel_image_id=image.id)
        ```

        ``POST /servers/{id}/measured-boot``, observed in use; the call is named at
        https://dev.vpsbg.eu/api-4128691. What the last three arguments are is presumed, and whether
        they are needed is not known. It is never sent again blindly.

        Args:
            server_id: Id of the server.
            kernel_image_id: Id of the image, None for the stock one (observed, not documented).
            initrd_image_id: Presumably the id of an image with the initial RAM disk, or None.
            account_password: Presumably the password of the account.
            otp: Presumably a one-time code of two-factor authentication. A text is sent as it is,
                with the zeros that it begins with.

        Returns:
            The server, of which only the id is promised.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            ResponseError: It was set, and the answer is not what was promised.
            NotFoundError: There is no such server.
            LockedError: The server is busy. It may still happen.
            APIError: The server answered with another error; see its subclasses.
        """
        body = Fields()
        if kernel_image_id is None:
            body.given("kernel_image_id", None)
        body.whole("kernel_image_id", kernel_image_id)
        if initrd_image_id is None:
            body.given("initrd_image_id", None)
        if not isinstance(initrd_image_id, Unset):
            body.whole("initrd_image_id", initrd_image_id)
        body.text("account_password", account_password, least=1).digits("otp", otp)
        return await self._caller.call(_SET, id=server_id, body=body)


@attrs.define
class _Upload:
    """A file that is uploaded alone.

    Attributes:
        file: What was given.
        prepared: What is sent, once it was looked at.
    """

    file: AttachmentLike
    prepared: Prepared | None = None

    async def prepare(self) -> Form:
        """Look at the file before its first byte leaves."""
        files, problems = await prepare([self.file], _LIMITS)
        if problems:
            raise InvalidInputError({_FIELD: sum(problems.values(), ())})
        (self.prepared,) = files
        return Form([], files, None, file_field=_FIELD)

    @property
    def attachment(self) -> Attachment | None:
        """What is uploaded, None before it was looked at."""
        return None if self.prepared is None else self.prepared.attachment

    def name_file_in(self, error: AttachmentError | ValidationError) -> None:
        """Have an error tell that it is about the caller's file."""
        if isinstance(error, AttachmentError):
            error.attachment = error.attachment or self.attachment
        elif _FIELD in error.errors:
            error.attachments = {_FIELD: self.attachment}

    def tell_if_clipped(self, call: Call) -> None:
        """Tell whoever listens that the file has grown meanwhile."""
        if self.prepared is not None and isinstance(self.prepared.content, File):
            added = self.prepared.content.added
            if added:
                call.tell(AttachmentClipped, name=self.prepared.attachment.name, added=added)
