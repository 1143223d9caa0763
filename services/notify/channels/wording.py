"""A parcel in the words of a group chat."""

import json

from services.notify.domain.channel import Endpoint, Parcel
from services.notify.domain.cutting import cut, size

EVERYONE = "@all"
"""In `Parcel.mentions`: all members of the group."""

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


def plain(parcel: Parcel, max_bytes: int) -> str:
    """Title, text and link in lines. What does not fit is cut out of the text: the link stays."""
    frame = size(parcel.title) + size(parcel.link) + 2
    lines = (parcel.title, cut(parcel.text, max(max_bytes - frame, 3)), parcel.link)
    return cut("\n".join(line for line in lines if line), max_bytes)


def marked(parcel: Parcel, max_bytes: int) -> str:
    """As markdown: title in bold, text, link under a word."""
    title, link = f"**{harmless(parcel.title)}**", f"[{more(parcel)}]({parcel.link})" if parcel.link else ""
    text = cut(harmless(parcel.text), max(max_bytes - size(title) - size(link) - 4, 3))
    return cut("\n\n".join(part for part in (title, text, link) if part), max_bytes)


def cut_quoted(text: str, max_bytes: int) -> str:
    """Cut so that it fits as JSON, where a quote or a line break has two bytes."""
    over = size(json.dumps(text, ensure_ascii=False)) - 2 - max_bytes
    return cut(text, max(size(text) - over, 3)) if over > 0 else text


def more(parcel: Parcel) -> str:
    """What a link is called."""
    return _MORE["en" if parcel.language == "en" else "zh"]


def room(endpoint: Endpoint, provider: int) -> int:
    """Bytes of one text: what the provider bears, or less where the endpoint says so."""
    return min(provider, endpoint.limits.max_bytes or provider)
