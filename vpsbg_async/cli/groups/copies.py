"""``vpsbg snapshots``, ``backups`` and ``boot-images``: what servers are restored to or boot."""

from __future__ import annotations

from cyclopts import App

from ..parameters import AS_USUAL, Options, PageNumber
from ..reading import show_list
from ..sheets import Column, Listing

__all__ = ["backups", "boot_images", "snapshots"]

SNAPSHOTS = Listing(
    "snapshots",
    Column("ID", "id", right=True),
    Column("Server", "server_id", right=True),
    Column("Name", "name"),
    Column("Made", "created_at"),
    Column("GB", "size", right=True),
)
BACKUPS = Listing(
    "backups",
    Column("ID", "id", right=True),
    Column("Server", "server_id", right=True),
    Column("Hostname", "server_hostname"),
    Column("Address", "server_ip"),
    Column("Name", "name"),
    Column("Made", "created_at"),
    Column("GB", "size", right=True),
)
BOOT_IMAGES = Listing(
    "boot images",
    Column("ID", "id", right=True),
    Column("Name", "name"),
    Column("Type", "type"),
    Column("In use", "in_use"),
    Column("Uploaded", "created_at"),
    Column("Bytes", "size", right=True),
)

snapshots = App(name="snapshots")
backups = App(name="backups")
boot_images = App(name="boot-images")


@snapshots.command(name="list")
async def list_snapshots(*, page: PageNumber = None, options: Options = AS_USUAL) -> None:
    """List the snapshots of all servers."""
    await show_list(lambda vps: vps.snapshots.list(page=page), SNAPSHOTS, options, page)


@backups.command(name="list")
async def list_backups(*, page: PageNumber = None, options: Options = AS_USUAL) -> None:
    """List the backups of all servers."""
    await show_list(lambda vps: vps.backups.list(page=page), BACKUPS, options, page)


@boot_images.command(name="list")
async def list_boot_images(*, options: Options = AS_USUAL) -> None:
    """List the boot images that were uploaded, for servers with AMD SEV-SNP."""
    await show_list(lambda vps: vps.measured_boot.list_images(), BOOT_IMAGES, options)
