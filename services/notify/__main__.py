"""`python -m services.notify api|worker`."""

import sys

from services.notify import app
from shared.runtime import main

if __name__ == "__main__":
    main("notify", sys.argv, api=app.api, worker=app.worker)
