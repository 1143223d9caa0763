"""`qianshao check`: the rules of events.md that must always hold, over live data."""
