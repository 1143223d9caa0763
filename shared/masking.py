"""Telephone numbers in free text: cut before anybody who need not know them can read it."""

import re

# Mobile numbers, and fixed lines with an area code; blanks, dots and dashes as people write them.
_DASH = "\u2010-\u2015\uff0d-"  # the plain one last, where it is no range
_GAP = rf"[\s.·{_DASH}]?"
_MOBILE = rf"(?:(?:\+|00)?86{_GAP})?1[3-9]\d(?:{_GAP}\d{{4}}){{2}}"
_FIXED = rf"[(（]?0\d{{2,3}}[)）]?[\s{_DASH}]?\d{{7,8}}"
_PHONE = re.compile(rf"(?<!\d)(?:{_MOBILE}|{_FIXED})(?!\d)")
_WIDE_DIGITS = str.maketrans("０１２３４５６７８９＋", "0123456789+")


def mask_phones(text: str) -> str:
    """The text with telephone numbers cut to their last two digits, as it may leave the service that was told it."""
    masked = text
    for found in _PHONE.finditer(text.translate(_WIDE_DIGITS)):  # one for one, so places are the same
        masked = masked[: found.start()] + "*" * (len(found[0]) - 2) + masked[found.end() - 2 :]
    return masked
