"""Named crash points: the fault tests end a real process with SIGKILL at the worst moment and look at what remains."""

import os
import signal

_remaining = {"hits": 0}


def crash_point(name: str) -> None:
    """Kill this process if `QIANSHAO_CRASH_AT` names this point (`name` or `name:N`, the N-th passage; 1 if absent).

    Unset, as in every deployment, it costs one dictionary look-up.
    """
    wanted = os.environ.get("QIANSHAO_CRASH_AT")
    if wanted is None:
        return
    point, _, nth = wanted.partition(":")
    if point != name:
        return
    _remaining["hits"] += 1
    if _remaining["hits"] >= int(nth or "1"):
        os.kill(os.getpid(), signal.SIGKILL)
