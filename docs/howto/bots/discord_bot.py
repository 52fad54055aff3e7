"""A Discord bot: the files that its users send it in direct messages become support tickets."""

import asyncio
from contextlib import AsyncExitStack
from weakref import WeakSet

import aiohttp
import discord
from desk import TOKEN, USERS, open_ticket

from vpsbg_async import VPSBG, AiohttpTransport, Attachment

TIMEOUT = aiohttp.ClientTimeout(sock_connect=30, sock_read=60)  # and as long as it moves


class TicketBot(discord.Client):
    """Has one VPSBG client for all, and shares its own connections with it."""

    def __init__(self, vps: VPSBG, session: aiohttp.ClientSession) -> None:
        super().__init__(intents=discord.Intents.default(), connector=session.connector)
        self.vps, self.session, self.under_way = vps, session, WeakSet()

    async def on_message(self, message: discord.Message) -> None:
        """Open a ticket for a direct message with files."""
        if message.guild or message.author.id not in USERS or not message.attachments:
            return
        self.under_way.add(asyncio.current_task())
        note = await message.reply("One moment …")
        async with AsyncExitStack() as stack:
            files = (self.fetch(file, stack) for file in message.attachments)
            text, ref = message.content or "Files", f"discord-{message.id}"
            words = await open_ticket(
                self.vps, files, text, ref, lambda news: note.edit(content=news)
            )
        await note.edit(content=words)

    async def fetch(self, file: discord.Attachment, stack: AsyncExitStack) -> Attachment:
        """Its download, which has begun: what is gone is known before anything is sent."""
        answer = await stack.enter_async_context(self.session.get(file.url, raise_for_status=True))
        return Attachment.from_response(answer, name=file.filename.strip() or "file")

    async def close(self) -> None:
        """See to the tickets that are still to be answered, and close the connections."""
        await asyncio.gather(*self.under_way)
        await super().close()


async def main(token: str) -> None:
    """Run it."""
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=TIMEOUT) as session,
        VPSBG(transport=AiohttpTransport(session=session)) as vps,
        TicketBot(vps, session) as bot,
    ):
        await bot.start(token)


if __name__ == "__main__":
    asyncio.run(main(TOKEN))
