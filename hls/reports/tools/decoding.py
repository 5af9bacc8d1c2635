"""Bytes of a report to text: UTF-8, UTF-16 with its mark, else one byte per character."""

from __future__ import annotations

import codecs

from trigforge.train.errors import InputError

MAX_BYTES = 64 << 20

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(content: bytes, name: str) -> str:
    """Text with plain line ends.

    Host names and dates of old reports come in any single-byte encoding; numbers are ASCII in all
    of them.

    Raises:
        InputError: empty, too large, binary, or not in the encoding that its mark announces.
    """
    if len(content) > MAX_BYTES:
        raise InputError(f"{name}: larger than {MAX_BYTES >> 20} MiB, not a report")
    encoding = next((e for mark, e in _MARKS if content.startswith(mark)), None)
    try:
        text = content.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding is not None:
            raise InputError(f"{name}: not {encoding} as its first bytes say ({error})") from None
        text = content.decode("latin-1")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise InputError(f"{name}: empty; the tool may have been interrupted")
    if "\0" in text:
        raise InputError(f"{name}: holds zero bytes; save it as UTF-8 text")
    return text
