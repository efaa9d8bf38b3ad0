"""Rules that people know of a source's streams and a contract cannot say.

What belongs here: one module a source, `RULES` by stream. What does not: what follows from the
contract (that is `source_suites`), and what one row alone cannot show (that is reconciliation).
Imported by `source_suites`.

How to write one: the predicate holds for every row that could be right, whatever the business
does; unknown (null) holds. A false alarm costs more than a missed oddity, because each failing row
becomes a question to somebody. `blocks_when_systemic` only where sums would be wrong.
"""

from collections.abc import Mapping

from expectations.handwritten import generic, olist
from expectations.plan import RowRule
from orchestration.core.contracts import StreamContract

RULES_BY_SOURCE: Mapping[str, Mapping[str, tuple[RowRule, ...]]] = {
    "generic": generic.RULES,
    "olist": olist.RULES,
}


def rules_for(stream: StreamContract) -> tuple[RowRule, ...]:
    """Return the hand-written rules of a stream; none for one that has none."""
    return RULES_BY_SOURCE.get(stream.source, {}).get(stream.name, ())
