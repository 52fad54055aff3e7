"""A Telegram bot on aiogram: the files that its users send it become support tickets."""

import asyncio
from functools import partial
from weakref import WeakSet

from aiogram import Bot, Dispatcher, F, Router
from aiogram.types import Message
from desk import DEADLINE, TOKEN, USERS, open_ticket

from vpsbg_async import VPSBG, AiohttpTransport, Attachment

router = Router()
albums: dict[tuple[int, str | int], list[Message]] = {}
under_way: WeakSet[asyncio.Task] = WeakSet()


@router.message(F.from_user.id.in_(USERS), F.document | F.photo | F.video | F.audio | F.voice)
async def on_files(message: Message, bot: Bot, vps: VPSBG) -> None:
    """Open a ticket for a message, or for an album, whose files come in messages of their own."""
    key = message.chat.id, message.media_group_id or message.message_id
    albums.setdefault(key, []).append(message)
    if len(albums[key]) == 1:  # the first one sees to all
        under_way.add(asyncio.current_task())
        await asyncio.sleep(1 if message.media_group_id else 0)
        album = sorted(albums.pop(key), key=lambda item: item.message_id)
        note = await message.reply("One moment …")
        files = (fetch(item, bot) for item in album)
        text = next((item.caption for item in album if item.caption), "Files")
        ref = f"tg{message.chat.id}-{message.message_id}"
        await note.edit_text(await open_ticket(vps, files, text, ref, note.edit_text))


async def fetch(message: Message, bot: Bot) -> Attachment:
    """Its file, to be downloaded when its turn comes, and anew if the request is sent again."""
    media = message.document or message.video or message.audio or message.voice or message.photo[-1]
    file = await bot.get_file(media.file_id)
    url = bot.session.api.file_url(bot.token, file.file_path)
    name = (getattr(media, "file_name", None) or "").strip() or file.file_path
    download = partial(bot.session.stream_content, url, timeout=DEADLINE)
    return Attachment.from_stream(download, name=name, size=file.file_size)


async def main(bot: Bot) -> None:
    """Run it, with one client for all on the bot's own connections."""
    async with bot:
        transport = AiohttpTransport(session=await bot.session.create_session())
        async with VPSBG(transport=transport) as vps:
            dispatcher = Dispatcher(vps=vps)
            dispatcher.include_router(router)
            await dispatcher.start_polling(bot, close_bot_session=False)
            await asyncio.gather(*under_way)  # tickets that are still to be answered


if __name__ == "__main__":
    asyncio.run(main(Bot(TOKEN)))
