"""Text made to fit what a channel bears: bytes of UTF-8, never through a character."""

ELLIPSIS = "…"

_JOINERS = "\u200d\ufe0f"
"""Half of an emoji: a cut may leave them behind with nothing to join."""


def size(text: str) -> int:
    """In bytes of UTF-8."""
    return len(text.encode())


def cut(text: str, max_bytes: int | None) -> str:
    """The text, or as much of it as fits with an ellipsis. `max_bytes` of at least 3; None: no limit."""
    if max_bytes is None or size(text) <= max_bytes:
        return text
    return first(text, max_bytes - size(ELLIPSIS)).rstrip().rstrip(_JOINERS) + ELLIPSIS


def split(text: str, max_bytes: int) -> tuple[str, ...]:
    """The text in parts that each fit, cut between lines where there is one and within a line where it alone is too long.
    Nothing but the line break at a cut gets lost. `max_bytes` of at least 4."""
    parts: list[str] = []
    for line in text.split("\n"):
        if parts and size(parts[-1]) + 1 + size(line) <= max_bytes:
            parts[-1] += "\n" + line
            continue
        while size(line) > max_bytes:
            piece = first(line, max_bytes)
            parts.append(piece)
            line = line[len(piece) :]
        parts.append(line)
    return tuple(parts)


def first(text: str, max_bytes: int) -> str:
    """As many whole characters as fit."""
    return text.encode()[: max(max_bytes, 0)].decode(errors="ignore")
