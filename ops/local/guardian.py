"""Ends process groups when the process that started them is gone: `python -I -S guardian.py`, told by its stdin.

`tether.py` takes care of the children; their own children (the pool that decodes photos, say) are in the same group but not
told by the kernel. A line `+<group>` or `-<group>` each; the pipe closes when our starter ends, however it ended.
"""

import os
import signal
import sys
from contextlib import suppress


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
