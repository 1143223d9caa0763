"""`python -m services.points api|worker`."""

import sys

from services.points import app
from shared.runtime import main

if __name__ == "__main__":
    main("points", sys.argv, api=app.api, worker=app.worker)
