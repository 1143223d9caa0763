"""`python -m services.intake api|worker`."""

import sys

from services.intake import app
from shared.runtime import main

if __name__ == "__main__":
    main("intake", sys.argv, api=app.api, worker=app.worker)
