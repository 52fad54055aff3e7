"""What a bot does with the files of a message, whichever library it is written with."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from html import escape

from vpsbg_async import VPSBG, Attachment, Outcome, Ticket, VPSBGError, events, outcome_of

DEPARTMENT, DEADLINE, PACE = 2, 600, 5  # its id; seconds for a ticket, and between words on it
TOKEN, USERS = os.environ["BOT_TOKEN"], {int(user) for user in os.environ["BOT_USERS"].split(",")}
WORDS = {
    Outcome.NOT_SENT: "I could not pass your files on, so no ticket was opened. {why}",
    Outcome.NOT_PROCESSED: "Support did not take it, so no ticket was opened. {why}",
    Outcome.PROCESSED: "A ticket was opened, but I missed its number: ask support for {ref}.",
    Outcome.UNKNOWN: "A ticket may be open. Do not send it again, but ask support for {ref}.",
}
Files = Iterable[Awaitable[Attachment]]
Tell = Callable[[str], Awaitable[object]]


async def open_ticket(vps: VPSBG, files: Files, text: str, ref: str, tell: Tell) -> str:
    """Open a ticket, tell meanwhile how far it is, and give the words for what became of it."""
    news, why = "Your files are on their way …", "Please send it again later."

    def follow(event: events.Event) -> None:  # has to be quick, so it only takes down what is new
        nonlocal news
        if isinstance(event, events.BytesSent):
            news = f"{event.sent / 1e6:.1f} MB are there …"
        elif isinstance(event, events.Waiting):
            news = "Support is slow to answer, I am waiting …"

    async def create() -> Ticket:
        return await vps.with_options(deadline=DEADLINE, on_event=follow).tickets.create(
            department_id=DEPARTMENT,
            subject=f"From a bot: {' '.join(text.split())[:80]}",
            message=f"<p>{escape(text)}</p>",
            attachments=[await file for file in files],
            on_unknown="reconcile",  # look for it, should its answer be lost
            reference_marker=ref,
        )

    upload = asyncio.create_task(create())
    try:
        while not (await asyncio.wait({upload}, timeout=PACE))[0]:
            with suppress(Exception):  # no matter if a word on the way is lost
                await asyncio.wait_for(tell(news), PACE)
        return f"Ticket {upload.result().id} is open."
    except VPSBGError as error:
        logging.warning("%s: %s", ref, error)
        why = " ".join(map(" ".join, getattr(error, "errors", {}).values())) or why
        return WORDS[outcome_of(error)].format(ref=ref, why=why)
    except Exception:
        logging.exception("%s: the files cannot be fetched", ref)
        return WORDS[Outcome.NOT_SENT].format(why=why)
    finally:
        upload.cancel()  # if the bot is stopped meanwhile
