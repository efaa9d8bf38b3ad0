"""Slowing down guesses: so many tries a minute from one address.

What belongs here: counting. What does not: locking accounts (`console.accounts.store`).
"""

import threading
import time
from collections import deque
from collections.abc import Callable

_WINDOW_SECONDS = 60.0
_MOST_ADDRESSES = 10_000


class Throttle:
    """Counts tries by address over the last minute. Safe for threads."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._tries: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def is_allowed(self, address: str) -> bool:
        """Count a try and say whether it may go on."""
        now = self._clock()
        with self._lock:
            if len(self._tries) > _MOST_ADDRESSES:
                self._tries.clear()
            tries = self._tries.setdefault(address, deque())
            while tries and now - tries[0] >= _WINDOW_SECONDS:
                tries.popleft()
            if len(tries) >= self._most:
                return False
            tries.append(now)
            return True
