"""`python -m services.dispatch api|worker`."""

import sys

from services.dispatch import app
from shared.runtime import main

if __name__ == "__main__":
    main("dispatch", sys.argv, api=app.api, worker=app.worker)
