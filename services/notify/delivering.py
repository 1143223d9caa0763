"""Putting a message into inboxes, in the transaction that decides it."""

from collections.abc import Sequence
from dataclasses import replace

from services.notify.domain.message import Copy, Message, Recipient
from services.notify.ports import Books
from shared.mongo.work import Work


def deliver(work: Work, books: Books, message: Message, audiences: Sequence[str]) -> None:
    """Put a message into inboxes, each with the next number of that inbox; an inbox that has it already is passed over."""
    kept = books.messages.get(work, message.id) or message
    there = {copy.audience for copy in kept.to}
    copies: list[Copy] = []
    for audience in audiences:
        if audience in there:
            continue
        inbox = books.recipients.get(work, audience) or Recipient(audience, message.subdistrict)
        books.recipients.put(work, replace(inbox, last=inbox.last + 1))
        copies.append(Copy(audience, inbox.last + 1, work.now))
    if copies:
        books.messages.put(work, replace(kept, to=(*kept.to, *copies), unplanned=True))
