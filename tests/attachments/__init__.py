"""Attachments: names, contents, files on disk, and what one call makes of them."""
