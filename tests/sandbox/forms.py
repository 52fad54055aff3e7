"""Multipart bodies written by hand, so that nothing corrects what a test wants to send."""

from __future__ import annotations

BOUNDARY = "b0undary"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
END = f"--{BOUNDARY}--\r\n".encode()


def part(disposition: str, content: bytes, *headers: str) -> bytes:
    lines = [f"--{BOUNDARY}", f"Content-Disposition: form-data; {disposition}", *headers, "", ""]
    return "\r\n".join(lines).encode() + content + b"\r\n"


def text(name: str, value: str) -> bytes:
    return part(f'name="{name}"', value.encode())


def file(filename: str, content: bytes = b"data", *, name: str = "attachments[]") -> bytes:
    return part(f'name="{name}"; filename="{filename}"', content)


def ticket(*more: bytes, **fields: str) -> bytes:
    """A body that makes a ticket, unless ``fields`` or ``more`` say otherwise."""
    fields = {
        "department_id": "2",
        "subject": "Server misbehaves",
        "message": "It stopped answering pings.",
    } | fields
    return b"".join(text(name, value) for name, value in fields.items()) + b"".join(more) + END


LARGE = ticket(file("mtr.txt", bytes(3_000_000)))  # begins to be written before it is all there
