"""Playbooks: every class has one of its own, and a ticket shows it with this order's values."""

import pytest

from orchestration.connectors.operating_model import load_operating_model
from orchestration.core.policies.playbooks import (
    PLACEHOLDERS,
    UNKNOWN,
    fill,
    read_playbook,
)
from orchestration.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "seeds"
MODEL = load_operating_model(SEEDS)
SOUND = """# PAY_SHORT: Less was paid

## What happened

{order_id} got {actual_amount}.

## Why it matters

Money.

## Steps

1. Ask.
2. Wait,
   and ask again.
3. Close.

## Who

{owner}.

## Done when

Paid.
"""


@pytest.mark.parametrize("code", sorted(MODEL.classes))
def test_ro3_every_class_has_a_playbook_that_is_short_and_speaks_of_this_exception(code):
    book = MODEL.playbooks[code]
    text = (SEEDS / "playbooks" / f"{code}.md").read_text(encoding="utf-8")

    assert book.title == MODEL.classes[code].class_label
    assert 15 <= len(text.splitlines()) <= 30
    assert 3 <= len(book.steps) <= 6
    assert "{owner}" in book.who or "{assignee}" in book.who or code in {
        "TAX_ROUNDING", "GATE_APPROVAL_MISSING",
    }  # fmt: skip
    named = {name for name in PLACEHOLDERS if f"{{{name}}}" in text}
    assert named & {"explanation", "native_ref", "order_id", "actual_amount", "leak_amount"}


def test_ro3_no_two_playbooks_share_a_sentence_of_what_to_do():
    first: dict[str, str] = {}
    for code, book in MODEL.playbooks.items():
        for text in (*book.steps, book.happened, book.matters, book.done):
            assert first.setdefault(text, code) == code, f"{code} repeats {first[text]}: {text}"


def test_a_sound_playbook_is_read_with_its_steps_whole():
    book, problems = read_playbook("PAY_SHORT", SOUND)

    assert problems == ()
    assert book is not None
    assert book.steps == ("Ask.", "Wait, and ask again.", "Close.")
    assert book.title == "Less was paid"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("# PAY_SHORT: Less", "# PAY_OVER: Less", 1, "begin with '# PAY_SHORT: '"),
        ("{owner}", "{boss}", 20, "placeholder {boss} is not known"),
        ("{owner}", "{owner", 20, "brace without its other half"),
        ("## Who\n", "## People\n", 1, "has the sections"),
        ("2. Wait", "4. Wait", 14, "step 4 is the 2. step"),
        ("3. Close.\n", "", 11, "has 2 steps"),
        ("Money.", "", 7, "section 'Why it matters' is empty"),
        ("## Steps", "## Steps\n\nfirst of all", 13, "is no numbered step"),
        ("\n## What", "\nHello.\n\n## What", 3, "text before the first section"),
    ],
)
def test_what_is_wrong_with_a_playbook_is_said_with_its_line(old, new, line, said):
    assert old in SOUND
    book, problems = read_playbook("PAY_SHORT", SOUND.replace(old, new, 1))

    assert book is None
    assert [text for at, text in problems if at == line and said in text], problems


def test_a_value_is_shown_as_it_is_and_never_read_as_a_placeholder_or_a_step():
    text = fill("{order_id} owes {actual_amount}", {"order_id": "{actual_amount}\n4. Pay me"})

    assert text == f"{{actual_amount}} 4. Pay me owes {UNKNOWN}"


def test_a_filled_playbook_has_no_placeholder_left_and_keeps_its_version():
    values = {name: f"<{name}>" for name in PLACEHOLDERS}
    for code, book in MODEL.playbooks.items():
        shown = book.filled(values)
        texts = (shown.happened, shown.matters, *shown.steps, shown.who, shown.done)
        assert not [text for text in texts if "{" in text], code
        assert shown.version == book.version
