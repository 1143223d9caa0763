"""Pure rules of intake: what a report is, and what its rider sees of what became of it."""
