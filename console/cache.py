"""Results that never change, kept: one computation a key, however many ask at once.

What belongs here: keeping and dropping. What does not: what is computed. Safe for threads.
A published file never changes, so a key that names it never goes stale; only room ends a result.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any


class Cache:
    """Keeps the latest results, up to a total weight."""

    def __init__(self, room: int) -> None:
        """`room` is the total weight kept; the weight of a result is given with it."""
        self._room = room
        self._used = 0
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._busy: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()
        self.hit_count = 0
        self.miss_count = 0

    def get(
        self, key: Hashable, make: Callable[[], Any], weigh: Callable[[Any], int] = lambda _: 1
    ) -> Any:
        """Return the result kept under a key, or make it; errors are not kept."""
        found, result = self._look(key)
        if found:
            return result
        with self._lock:
            busy = self._busy.setdefault(key, threading.Lock())
        with busy:
            found, result = self._look(key)
            if found:
                return result
            try:
                result = make()
                self._keep(key, result, weigh(result))
            finally:
                with self._lock:
                    self._busy.pop(key, None)
        return result

    def _look(self, key: Hashable) -> tuple[bool, Any]:
        with self._lock:
            if key not in self._kept:
                return False, None
            self._kept.move_to_end(key)
            self.hit_count += 1
            return True, self._kept[key][0]

    def _keep(self, key: Hashable, result: Any, weight: int) -> None:
        with self._lock:
            self.miss_count += 1
            if weight > self._room:
                return
            self._kept[key] = (result, weight)
            self._used += weight
            while self._used > self._room:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._used -= dropped
