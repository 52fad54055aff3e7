"""What a server is doing and has done, and the image that it boots."""

from __future__ import annotations

from datetime import datetime

import attrs

from ...core.model import Model, OpenEnum

__all__ = [
    "BandwidthDay",
    "CPULoad",
    "CPUUsage",
    "MeasuredBootImage",
    "MeasuredBootImageType",
    "ServerBandwidth",
    "ServerMeasuredBoot",
    "ServerMetric",
    "ServerState",
    "ServerStatus",
    "Usage",
]


class MeasuredBootImageType(OpenEnum):
    """Kind of a boot image; only one value is known."""

    KERNEL = "kernel"


@attrs.frozen(kw_only=True, slots=False)
class MeasuredBootImage(Model):
    """A boot image that was uploaded; known from use, not from the documentation.

    Attributes:
        id: Its id.
        name: Its name.
        size: Its length, presumably in bytes.
        in_use: Whether a server boots it.
        type: Its kind, which not every image has.
        created_at: When it was uploaded.
    """

    id: int | None = None
    name: str | None = None
    size: int | None = None
    in_use: bool | None = None
    type: MeasuredBootImageType | None = None
    created_at: datetime | None = None


@attrs.frozen(kw_only=True, slots=False)
class ServerMeasuredBoot(Model):
    """What a server boots in place of the stock image.

    Attributes:
        kernel_image: The image.
    """

    kernel_image: MeasuredBootImage | None = None


@attrs.frozen(kw_only=True, slots=False)
class CPULoad(Model):
    """How busy the processors are.

    Attributes:
        used: Percent in use.
    """

    used: float | None = None


@attrs.frozen(kw_only=True, slots=False)
class CPUUsage(CPULoad):
    """How busy the processors are, and how idle.

    Attributes:
        free: Percent that are free.
    """

    free: float | None = None


@attrs.frozen(kw_only=True, slots=False)
class Usage(Model):
    """How much of something is used.

    Attributes:
        used: GB in use.
        limit: GB that there are; of traffic, 0 may mean that there is no limit.
    """

    used: float | None = None
    limit: float | None = None


@attrs.frozen(kw_only=True, slots=False)
class ServerState(Model):
    """What a server is doing, as the server itself tells it; known from use only.

    Attributes:
        running: Whether it runs.
        node_reachable: Whether the machine that it is on answers.
        amd_sev_level: Level of AMD SEV; 3 goes with SEV-SNP.
        cpu: How busy it is.
        measured_boot: The image of the account that it boots, None for the stock one.
    """

    running: bool | None = None
    node_reachable: bool | None = None
    amd_sev_level: int | None = None
    cpu: CPULoad | None = None
    measured_boot: ServerMeasuredBoot | None = None


@attrs.frozen(kw_only=True, slots=False)
class ServerStatus(Model):
    """What a server is doing. What an answer left out is None.

    Attributes:
        running: Whether it runs.
        suspended: Whether it is suspended.
        network_suspended: Whether it is cut off the network, such as over its traffic limit.
        rescue_mode: Whether it is in rescue mode.
        dns_resolvers: Addresses of its resolvers.
        cpu: How busy it is.
        disk: How full its disk is.
        bandwidth: How much traffic it has made in this cycle.
    """

    running: bool | None = None
    suspended: bool | None = None
    network_suspended: bool | None = None
    rescue_mode: bool | None = None
    dns_resolvers: tuple[str, ...] | None = None
    cpu: CPUUsage | None = None
    disk: Usage | None = None
    bandwidth: Usage | None = None


@attrs.frozen(kw_only=True, slots=False)
class ServerMetric(Model):
    """How busy a server was at one moment.

    Attributes:
        timestamp: When.
        running: Whether it ran.
        cpu: Percent of the processors in use.
        network_in: MB/s received.
        network_out: MB/s sent.
        disk: Documented as GB/s; by its value it is GB in use.
        io_read: MB/s read from disk.
        io_write: MB/s written to disk.
    """

    timestamp: datetime | None = None
    running: bool | None = None
    cpu: float | None = None
    network_in: float | None = None
    network_out: float | None = None
    disk: float | None = None
    io_read: float | None = None
    io_write: float | None = None


@attrs.frozen(kw_only=True, slots=False)
class BandwidthDay(Model):
    """Traffic of one day.

    Attributes:
        timestamp: When the day began.
        incoming: GB received.
        outgoing: GB sent.
    """

    timestamp: datetime | None = None
    incoming: float | None = None
    outgoing: float | None = None


@attrs.frozen(kw_only=True, slots=False)
class ServerBandwidth(Model):
    """Traffic of a server.

    Attributes:
        limit: GB that it may make in a cycle.
        used: GB that it has made in this cycle.
        daily_usage: Traffic by day.
    """

    limit: float | None = None
    used: float | None = None
    daily_usage: tuple[BandwidthDay, ...] | None = None
