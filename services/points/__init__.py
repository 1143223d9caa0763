"""Points: the ledger, the passbooks, and what they pay for."""
