"""The fast way to the canonical form is the slow one."""

import hashlib

import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.chain import COLUMNS_OF, HASHED_COLUMNS, Event, canonical, event_hash

WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | WHOLE | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=6))
def test_payloads_are_written_as_the_library_writes_them(payload):
    assert canonical(payload).encode() == rfc8785.dumps(payload)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 2**53 - 1), st.lists(TEXTS, min_size=11, max_size=11))
def test_an_event_is_hashed_over_the_canonical_form_of_all_other_columns(seq, texts):
    event = Event(seq, *texts, hash="")
    columns = COLUMNS_OF(event)[:-1]
    written = rfc8785.dumps(dict(zip(HASHED_COLUMNS, columns, strict=True)))
    assert event_hash(columns) == hashlib.sha256(b"meshline-event-1\n" + written).hexdigest()
