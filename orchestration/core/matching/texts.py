"""How alike two texts are, when either may be cut, mistyped, reordered or full of common words.

What belongs here: words and three-letter runs of texts as weighted vectors; rare ones weigh more.
What does not: what likeness is worth (`evidence`). Only modules of this package import this.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import sparse

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

WORD = re.compile(r"[0-9]+|[^\W\d_]+")
# Features that stand in more texts than this say nothing, and make every text a neighbour of all.
COMMON_PART = 0.5
SLICE = 200_000


@dataclass(frozen=True, slots=True)
class TextVectors:
    """The texts of both sides as unit vectors over one vocabulary.

    Attributes:
        expected: One row per expected item.
        actual: One row per actual item.
        has_expected: Whether an expected item has any text that tells something.
        has_actual: Whether an actual item has.
        told_expected: How much each expected text tells; the rarer its parts, the more.
        told_actual: The same for actual texts.
        is_word: Whether each feature is a whole word.
    """

    expected: sparse.csr_matrix
    actual: sparse.csr_matrix
    has_expected: npt.NDArray[np.bool_]
    has_actual: npt.NDArray[np.bool_]
    told_expected: Floats
    told_actual: Floats
    is_word: npt.NDArray[np.bool_]

    def likeness(self, rows: Ints, columns: Ints) -> Floats:
        """Cosine (0 to 1) of each pair of an expected row and an actual row."""
        return _cosines(self.expected, self.actual, rows, columns)

    def likeness_within(self, side: sparse.csr_matrix, one: Ints, other: Ints) -> Floats:
        """Cosine of pairs of rows of one side."""
        return _cosines(side, side, one, other)

    def known(self, rows: Ints, columns: Ints) -> npt.NDArray[np.bool_]:
        """Whether both texts of each pair say anything."""
        return np.asarray(self.has_expected[rows] & self.has_actual[columns])


def words_in(vectors: sparse.csr_matrix, is_word: npt.NDArray[np.bool_]) -> list[Ints]:
    """The numbers of the whole words of each row."""
    bounds = vectors.indptr
    return [
        found[is_word[found]]
        for found in (
            vectors.indices[start:end].astype(np.int64) for start, end in pairwise(bounds)
        )
    ]


def words_of(text: str) -> list[str]:
    """Runs of letters and of digits, without case, accents and leading zeros."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return [word.lstrip("0") or "0" if word.isdigit() else word for word in WORD.findall(plain)]


def features_of(text: str) -> set[str]:
    """The words of a text, and their runs of three characters with the ends marked."""
    features: set[str] = set()
    for word in words_of(text):
        features.add("=" + word)
        marked = f"^{word}$"
        features.update(marked[at : at + 3] for at in range(len(marked) - 2))
    return features


def vectors_of(expected: Sequence[str], actual: Sequence[str]) -> TextVectors:
    """Turn the texts of both sides into vectors; rare features weigh by inverse frequency."""
    found = [features_of(text) for text in (*expected, *actual)]
    counts = Counter(feature for features in found for feature in features)
    total = len(found)
    limit = max(2.0, COMMON_PART * total)
    kept = sorted(feature for feature, count in counts.items() if count <= limit or total <= 8)
    number = {feature: at for at, feature in enumerate(kept)}
    weight = np.array([np.log((total + 1.0) / counts[feature]) + 0.1 for feature in kept])
    rows: list[int] = []
    columns: list[int] = []
    for row, features in enumerate(found):
        own = [number[feature] for feature in features if feature in number]
        columns.extend(own)
        rows.extend([row] * len(own))
    values = weight[columns] if columns else np.zeros(0)
    matrix = sparse.csr_matrix(
        (values, (np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64))),
        shape=(total, max(1, len(kept))),
    )
    matrix.sort_indices()
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    unit = sparse.diags(np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)) @ matrix
    unit = sparse.csr_matrix(unit)
    split = len(expected)
    has_text = norms > 0
    return TextVectors(
        unit[:split],
        unit[split:],
        has_text[:split],
        has_text[split:],
        norms[:split],
        norms[split:],
        np.array([feature.startswith("=") for feature in kept] or [False]),
    )


def _cosines(
    left: sparse.csr_matrix, right: sparse.csr_matrix, rows: Ints, columns: Ints
) -> Floats:
    """Dot products of pairs of rows, in slices so that memory stays bounded."""
    parts = [
        np.asarray(
            left[rows[at : at + SLICE]].multiply(right[columns[at : at + SLICE]]).sum(axis=1)
        ).ravel()
        for at in range(0, len(rows), SLICE)
    ]
    joined = np.concatenate(parts) if parts else np.zeros(0)
    return np.round(np.clip(joined, 0.0, 1.0), 9)
