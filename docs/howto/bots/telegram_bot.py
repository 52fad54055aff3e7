"""A Telegram bot on python-telegram-bot: the files that its users send become support tickets."""

import asyncio

import httpx
from desk import TOKEN, USERS, open_ticket
from telegram import Message, Update
from telegram.ext import Application, ApplicationBuilder, ContextTypes, MessageHandler, filters

from vpsbg_async import VPSBG, Attachment

MINE = filters.UpdateType.MESSAGE & filters.User(USERS)
FILES = filters.Document.ALL | filters.PHOTO | filters.VIDEO | filters.AUDIO | filters.VOICE
albums: dict[tuple[int, str | int], list[Message]] = {}


async def on_files(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Open a ticket for a message, or for an album, whose files come in messages of their own."""
    message, tools = update.message, context.bot_data
    key = message.chat_id, message.media_group_id or message.message_id
    albums.setdefault(key, []).append(message)
    if len(albums[key]) == 1:  # the first one sees to all
        await asyncio.sleep(1 if message.media_group_id else 0)
        album, note = albums.pop(key), await message.reply_text("One moment …")
        files = (fetch(item, tools["http"]) for item in sorted(album, key=lambda item: item.id))
        text = next((item.caption for item in album if item.caption), "Files")
        ref = f"tg{message.chat_id}-{message.message_id}"
        await note.edit_text(await open_ticket(tools["vps"], files, text, ref, note.edit_text))


async def fetch(message: Message, http: httpx.AsyncClient) -> Attachment:
    """Its file, to be downloaded when its turn comes, and anew if the request is sent again."""
    media = message.photo[-1] if message.photo else message.effective_attachment
    file = await media.get_file()

    async def download():  # python-telegram-bot's own download is whole, in memory
        async with http.stream("GET", file.file_path) as response:
            response.raise_for_status()
            async for chunk in response.aiter_bytes():
                yield chunk

    name = (getattr(media, "file_name", None) or "").strip() or file.file_path.rpartition("/")[2]
    return Attachment.from_stream(download, name=name, size=file.file_size)


async def _close(app: Application) -> None:  # is called when all tickets are answered
    await asyncio.gather(*(tool.aclose() for tool in app.bot_data.values()))


def build(builder: ApplicationBuilder) -> Application:
    """Make the bot, with one client for all."""
    app = builder.concurrent_updates(True).post_shutdown(_close).build()
    app.bot_data.update(vps=VPSBG(), http=httpx.AsyncClient(timeout=60))
    app.add_handler(MessageHandler(MINE & FILES, on_files))
    return app


if __name__ == "__main__":
    build(ApplicationBuilder().token(TOKEN)).run_polling()
