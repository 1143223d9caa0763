"""A parcel in the words of a group chat."""

import json
from collections.abc import Callable

from services.notify.domain.channel import Endpoint, Parcel
from services.notify.domain.cutting import ELLIPSIS, cut, first, size

EVERYONE = "@all"
"""In `Parcel.mentions`: all members of the group."""

TITLE_BYTES = 240
"""Of a title: 80 Chinese characters. Titles are written to fit a lock screen, so it is never cut but by accident."""

Shorten = Callable[[str, int], str]
"""`cut`, or `cut_quoted` where the provider counts the bytes of the request."""

_BREAKS = 8
"""Bytes of the line breaks between the parts, as JSON has them."""

_HARMLESS = str.maketrans(
    {"<": "＜", ">": "＞", "[": "［", "]": "］", "`": "｀", "*": "＊", "_": "＿", "#": "＃", "~": "～"}
)
_MORE = {"zh": "查看详情", "en": "Details"}


def harmless(text: str) -> str:
    """Without signs that markdown reads: an address that somebody typed cannot become a link, a picture or a mention."""
    return text.translate(_HARMLESS)


def aloud(parcel: Parcel) -> bool:
    """Whether it goes as plain text, which alone can mention and shows whole on a lock screen."""
    return parcel.urgency == "urgent" or bool(parcel.mentions)


def plain(parcel: Parcel, max_bytes: int, shorten: Shorten = cut) -> str:
    """Title, text and link in lines. What does not fit is cut out of the text: title and link stay."""
    title = cut(parcel.title, TITLE_BYTES)
    text = shorten(parcel.text, max(max_bytes - size(title) - size(parcel.link) - _BREAKS, 3))
    return "\n".join(line for line in (title, text, parcel.link) if line)


def marked(parcel: Parcel, max_bytes: int, shorten: Shorten = cut) -> str:
    """As markdown: title in bold, text, link under a word."""
    title = f"**{harmless(cut(parcel.title, TITLE_BYTES))}**"
    link = f"[{more(parcel)}]({parcel.link})" if parcel.link else ""
    text = shorten(harmless(parcel.text), max(max_bytes - size(title) - size(link) - _BREAKS, 3))
    return "\n\n".join(part for part in (title, text, link) if part)


def cut_quoted(text: str, max_bytes: int) -> str:
    """Cut so that it fits as JSON, where a quote or a line break has two bytes."""
    quoted = json.dumps(text, ensure_ascii=False)[1:-1]
    if size(quoted) <= max_bytes:
        return text
    head = first(quoted, max_bytes - size(ELLIPSIS))
    while True:
        try:
            return str(json.loads(f'"{head}"')) + ELLIPSIS
        except ValueError:  # cut through an escape, which has six characters at most
            head = head[:-1]


def more(parcel: Parcel) -> str:
    """What a link is called."""
    return _MORE["en" if parcel.language == "en" else "zh"]


def room(endpoint: Endpoint, provider: int) -> int:
    """Bytes of one text: what the provider bears, or less where the endpoint says so."""
    return min(provider, endpoint.limits.max_bytes or provider)
