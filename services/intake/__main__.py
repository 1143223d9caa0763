"""`python -m services.intake api|worker`, and `invite`, by which an operator lets the first people in."""

import sys

from services.intake import app, invite_command
from shared.runtime import main

if __name__ == "__main__":
    if sys.argv[1:2] == ["invite"]:
        sys.exit(invite_command.invite(sys.argv[2:]))
    main("intake", sys.argv, api=app.api, worker=app.worker)
