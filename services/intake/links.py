"""Invitations as people get them: a link to the page of their role, and the same as a QR code."""

import io
from collections.abc import Mapping

import segno

from services.intake.domain.account import Role

_PAGES: Mapping[Role, str] = {"rider": "r", "department": "d"}


def invite_link(origin: str, role: Role, code: str) -> str:
    """The code stands behind the #, which browsers send to nobody and no server logs."""
    return f"{origin.rstrip('/')}/{_PAGES.get(role, 'desk')}#invite={code}"


def qr_svg(link: str) -> str:
    """An SVG element of its own, to be put into a page or printed."""
    return segno.make(link, micro=False).svg_inline(scale=4, border=4)


def qr_text(link: str) -> str:
    """For a terminal, dark on light whatever its colours."""
    out = io.StringIO()
    segno.make(link, micro=False).terminal(out, compact=True)
    return out.getvalue()
