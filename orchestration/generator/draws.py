"""Repeatable draws: a number that depends on nothing but the seed, the question and the keys.

What belongs here: the hash that stands in for a random generator, and the ways to ask it.
What does not: any fact about orders. Anyone in the generator may import this.

A draw has no state, so an order is the same whatever was generated before it, in whatever chunks,
and on whatever version of the libraries.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Finish a 64-bit hash (splitmix64): every input bit moves every output bit."""
    values = (values ^ (values >> np.uint64(30))) * _MIX_1
    values = (values ^ (values >> np.uint64(27))) * _MIX_2
    return values ^ (values >> np.uint64(31))


@dataclass(frozen=True, slots=True)
class Draws:
    """The draws of one seed.

    Attributes:
        seed: Whole number; another seed is another world.
    """

    seed: int

    def _hash(self, question: str, keys: Sequence[Ints]) -> NDArray[np.uint64]:
        """Return one 64-bit number per row of `keys`."""
        salt = hashlib.blake2b(f"{self.seed}/{question}".encode(), digest_size=8).digest()
        state: NDArray[np.uint64] = np.full(
            len(keys[0]), np.frombuffer(salt, np.uint64)[0], dtype=np.uint64
        )
        for key in keys:
            state = _mix((state ^ key.astype(np.uint64)) + _GOLDEN)
        return state

    def below(self, question: str, limit: int, *keys: Ints) -> Ints:
        """Return whole numbers from 0 to `limit` - 1 (limit below 2**31), one per row."""
        high = self._hash(question, keys) >> np.uint64(33)
        return ((high * np.uint64(limit)) >> np.uint64(31)).astype(np.int64)

    def between(self, question: str, low: int, high: int, *keys: Ints) -> Ints:
        """Return whole numbers from `low` to `high`, both included."""
        return low + self.below(question, high - low + 1, *keys)

    def chance(self, question: str, per_10_000: int, *keys: Ints) -> Bools:
        """Return whether it happens, `per_10_000` times in ten thousand."""
        return self.below(question, 10_000, *keys) < per_10_000

    def pick(self, question: str, weights: Sequence[int], *keys: Ints) -> Ints:
        """Return the position of a choice, each as likely as its weight."""
        edges = np.cumsum(np.asarray(weights, dtype=np.int64))
        drawn = self.below(question, int(edges[-1]), *keys)
        return np.searchsorted(edges, drawn, side="right").astype(np.int64)
