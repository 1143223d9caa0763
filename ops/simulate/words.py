"""What riders of a played day write: by it departments and desk in this play know which report they have before them."""


def words(run: str, number: int) -> str:
    """What the rider writes: by it departments in this play know which report they mend."""
    return f"【模拟 {run} {number:05}】"


def number_in(text: str, run: str) -> int | None:
    """The number of the send that the words belong to, None if they are not of this run."""
    _, found, rest = text.partition(f"【模拟 {run} ")
    return int(rest[:5]) if found else None
