"""Texts that people wrote, on whatever computer."""

import unicodedata


def composed(text: str) -> str:
    """A text with a letter and its accent as one character: macOS writes names of files with two, which look alike."""
    return unicodedata.normalize("NFC", text)
