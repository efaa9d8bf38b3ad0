"""Merkle trees of RFC 6962: roots, and proofs that can be checked without the whole.

What belongs here: hashing and proofs over leaves that are bytes. What does not: what a leaf is and
who signs a root (`orchestration.ledger`). Anyone may import this.

A tree over n leaves splits at the largest power of two below n. Read from left to right it is a row
of complete subtrees, the peaks: one for each bit that is set in n, the largest first.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Frontier:
    """A tree that only grows, as its peaks: enough for its root and for the next leaf.

    Attributes:
        size: How many leaves it has.
        peaks: Hashes of the complete subtrees, the largest first; one a set bit of `size`.
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def add(self, data: bytes) -> None:
        """Append a leaf."""
        node, size = leaf_hash(data), self.size
        while size & 1:
            node, size = node_hash(self.peaks.pop(), node), size >> 1
        self.peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        return _fold(self.peaks)


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaves, in their order."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.add(leaf)
    return frontier.root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return the audit path of the leaf at `index` (from 0), from the leaf up."""
    if len(leaves) == 1:
        return ()
    middle = _split(len(leaves))
    if index < middle:
        return (*inclusion_proof(leaves[:middle], index), root_of(leaves[middle:]))
    return (*inclusion_proof(leaves[middle:], index - middle), root_of(leaves[:middle]))


def verify_inclusion(
    data: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether the tree of `size` leaves under `root` holds `data` at `index` (from 0)."""
    if not 0 <= index < size:
        return False
    node, here, last = leaf_hash(data), index, size - 1
    for step in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            node = node_hash(step, node)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            node = node_hash(node, step)
        here, last = here >> 1, last >> 1
    return last == 0 and node == root


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """Return what shows that the first `old_size` leaves are the beginning of all of them."""
    if not 0 < old_size < len(leaves):
        return ()
    return _consistency(leaves, old_size, is_whole=True)


def verify_consistency(
    old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the tree under `root` begins with the tree under `old_root`."""
    if not 0 <= old_size <= size:
        return False
    if old_size in {0, size}:
        return not proof and old_root == (EMPTY_ROOT if old_size == 0 else root)
    steps = list(proof)
    if old_size & (old_size - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        return False
    here, last = old_size - 1, size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            new = node_hash(new, step)
        here, last = here >> 1, last >> 1
    return last == 0 and old == old_root and new == root


Position = tuple[int, int]


@dataclass(slots=True)
class Selection:
    """The proof that some leaves of a tree belong to it, made in one pass over all leaves.

    It consists of the subtrees that hold none of the selected leaves, each at its position
    (level, index from the left): with the selected leaves, they make the root.

    Attributes:
        size: Leaves seen so far.
        peaks: Complete subtrees: hash, and whether a selected leaf is below it.
    """

    size: int = 0
    peaks: list[tuple[bytes, bool]] = field(default_factory=list)

    def add(self, data: bytes, *, is_selected: bool) -> Iterator[tuple[Position, bytes]]:
        """Append a leaf; yield what becomes part of the proof. Must be exhausted."""
        node, chosen, size, level = leaf_hash(data), is_selected, self.size, 0
        while size & 1:
            left, left_chosen = self.peaks.pop()
            if chosen != left_chosen:
                yield (level, size if left_chosen else size - 1), node if left_chosen else left
            node, chosen = node_hash(left, node), chosen or left_chosen
            size, level = size >> 1, level + 1
        self.peaks.append((node, chosen))
        self.size += 1

    def finish(self) -> Iterator[tuple[Position, bytes]]:
        """Yield the rest of the proof: the complete subtrees without a selected leaf."""
        for position, (node, chosen) in zip(_peak_positions(self.size), self.peaks, strict=True):
            if not chosen:
                yield position, node

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        return _fold([node for node, _ in self.peaks])


def verify_selection(
    selected: Iterable[tuple[int, bytes]], size: int, proof: Mapping[Position, bytes], root: bytes
) -> bool:
    """Whether the tree of `size` leaves under `root` holds all selected leaves at their places.

    Args:
        selected: Index (from 0) and data of each, in ascending order.
        size: Leaves of the whole tree.
        proof: What `Selection` yielded; every part of it must be needed.
        root: The root that somebody trusted has signed.
    """
    leaves, unused = iter(selected), dict(proof)

    def node_at(level: int, index: int) -> bytes | None:
        known = unused.pop((level, index), None)
        if known is not None:
            return known
        if level == 0:
            place, data = next(leaves, (-1, b""))
            return leaf_hash(data) if place == index else None
        left = node_at(level - 1, 2 * index)
        right = node_at(level - 1, 2 * index + 1) if left is not None else None
        return node_hash(left, right) if left is not None and right is not None else None

    peaks = []
    for level, index in _peak_positions(size):
        peak = node_at(level, index)
        if peak is None:
            return False
        peaks.append(peak)
    return next(leaves, None) is None and not unused and _fold(peaks) == root


def _consistency(leaves: Sequence[bytes], old: int, *, is_whole: bool) -> tuple[bytes, ...]:
    """RFC 6962, 2.1.2: the recursion."""
    if old == len(leaves):
        return () if is_whole else (root_of(leaves),)
    middle = _split(len(leaves))
    if old <= middle:
        inner = _consistency(leaves[:middle], old, is_whole=is_whole)
        return (*inner, root_of(leaves[middle:]))
    inner = _consistency(leaves[middle:], old - middle, is_whole=False)
    return (*inner, root_of(leaves[:middle]))


def _split(size: int) -> int:
    """The largest power of two below a size of at least two."""
    return int(1 << (size - 1).bit_length() - 1)


def _peak_positions(size: int) -> Iterator[Position]:
    """Level and index of each complete subtree of a tree, from left to right."""
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            yield level, (size >> level) - 1


def _fold(peaks: Sequence[bytes]) -> bytes:
    """Join the peaks from the right."""
    if not peaks:
        return EMPTY_ROOT
    node = peaks[-1]
    for peak in reversed(peaks[:-1]):
        node = node_hash(peak, node)
    return node
