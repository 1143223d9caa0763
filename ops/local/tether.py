"""Become another program that cannot outlive its parent: `python -I -S tether.py <parent pid> <program> [argument…]`.

The kernel sends SIGKILL to this process when its parent dies, even by kill -9, so a killed supervisor leaves nothing
running. The wish survives exec but not fork: what the program starts itself is for guardian.py.
Run as a script of its own: code between fork and exec is not safe in a process that has threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, *command = sys.argv[1:]
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):  # it died before the line above: nobody is left to send the signal
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - the very purpose


if __name__ == "__main__":
    main()
