"""Fixed windows of the limits: when one ends, and the next call goes through."""

import time
from math import floor

from limits import RateLimitItem
from limits.aio.storage import Storage


async def seconds_left(storage: Storage, item: RateLimitItem, *whose: str) -> int:
    """Whole seconds after which the window of this counter has ended for certain: at least 1, at most the whole window.

    Raises what the storage raises.
    """
    ends = await storage.get_expiry(item.key_for(*whose))
    left = floor(ends - time.time()) + 1
    return max(1, min(left, item.get_expiry()))
