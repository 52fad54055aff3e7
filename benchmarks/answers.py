"""What the far end of the measurements answers: the contract's examples, in the sizes wanted."""

from __future__ import annotations

from typing import Any

__all__ = ["MESSAGE", "SERVERS", "name_of", "server_pages", "ticket", "ticket_of_50"]

_TIME = "2026-11-24T12:00:00.000000Z"
_WORDS = (
    "<p>Здравейте, the server <b>ubuntu-2gb</b> stopped answering at 04:12 and did not come back "
    "after a restart from the panel.</p>\r\n<p>The log and a trace are attached.</p>"
)
MESSAGE = "<p>It stopped answering pings at 04:12.</p>"
_PER_PAGE = 50
_PAGES = 20
SERVERS = _PAGES * _PER_PAGE


def name_of(index: int) -> str:
    """Name of a file that is attached."""
    return f"file-{index}.txt"


def ticket(files: int, size: int) -> dict[str, Any]:
    """A ticket that was created with so many files of so many bytes."""
    return _ticket([_message(0, MESSAGE, files, size)])


def ticket_of_50() -> dict[str, Any]:
    """A ticket of 50 messages with up to two files each."""
    return _ticket([_message(number, _WORDS, number % 3, 1024) for number in range(50)])


def server_pages() -> list[dict[str, Any]]:
    """1,000 servers on 20 pages."""
    return [_page(number, _PAGES) for number in range(1, _PAGES + 1)]


def _ticket(messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": 216,
        "status": "opened",
        "subject": "Server misbehaves",
        "created_at": _TIME,
        "updated_at": _TIME,
        "department": "tech-support",
        "service_label": "ubuntu-2gb",
        "service_type": "server",
        "service_id": 2864,
        "messages": messages,
    }


def _message(number: int, content: str, files: int, size: int) -> dict[str, Any]:
    return {
        "id": 500 + number,
        "content": content,
        "is_customer": number % 2 == 0,
        "created_at": _TIME,
        "attachments": [
            {"id": index, "name": name_of(index), "size": size, "mimeType": "text/plain"}
            for index in range(files)
        ],
    }


def _server(number: int) -> dict[str, Any]:
    return {
        "id": 2000 + number,
        "hostname": f"ubuntu-{number}",
        "billing_cycle": 1,
        "plan": {
            "id": 104,
            "type": "cloud-vps",
            "name": "cloud-vps-4gb",
            "vcpus": 2,
            "memory": 4,
            "disk": 60,
            "bandwidth": 5,
            "minimum_billing_cycle": 1,
            "available": True,
            "price": 39,
            "price_with_vat": 46.8,
        },
        "status": "active",
        "locked": False,
        "created_at": _TIME,
        "expiry_at": _TIME,
        "auto_renew": True,
        "server_image": {
            "id": 73,
            "name": "Ubuntu 22.04",
            "group": {"name": "Ubuntu", "type": "os", "key": "ubuntu"},
        },
        "ip_addresses": [
            {
                "id": 416 + number,
                "ip_address": "87.121.52.159",
                "gateway": "87.121.52.1",
                "mask": "255.255.255.0",
                "version": 4,
                "type": "public",
                "main": True,
                "ddos_protected": False,
                "ptr": None,
            }
        ],
        "addons": [{"name": "backups", "quantity": 60}],
    }


def _page(number: int, last: int) -> dict[str, Any]:
    url = "https://api.vpsbg.eu/v1/servers"
    first = (number - 1) * _PER_PAGE
    return {
        "data": [_server(first + index) for index in range(_PER_PAGE)],
        "links": {
            "first": f"{url}?page=1",
            "last": f"{url}?page={last}",
            "prev": None if number == 1 else f"{url}?page={number - 1}",
            "next": None if number == last else f"{url}?page={number + 1}",
        },
        "meta": {
            "current_page": number,
            "from": first + 1,
            "last_page": last,
            "path": url,
            "per_page": _PER_PAGE,
            "to": first + _PER_PAGE,
            "total": last * _PER_PAGE,
        },
    }
