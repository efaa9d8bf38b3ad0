"""What must not stand where it cannot be erased: addresses and card numbers in free text.

What belongs here: masking, and the salted hash by which an erasable text is known. What does not:
where such texts are kept (`orchestration.ledger.texts`). Anyone may import this.
"""

import hashlib
import re

EMAIL = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+")
# 13 to 19 digits, perhaps in groups: what passes the check digit of cards is one.
CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")


def masked(text: str) -> str:
    """Return a text without e-mail addresses and card numbers."""
    if "@" in text:
        text = EMAIL.sub("[e-mail]", text)
    return CARD.sub(lambda found: "[card]" if _is_card(found[0]) else found[0], text)


def salted_hash(salt: str, text: str) -> str:
    """Return what stands in the chain for an erasable text; without its salt it says nothing."""
    return hashlib.sha256(f"{salt}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()


def _is_card(digits: str) -> bool:
    """Whether a number passes the check digit of cards."""
    numbers = [int(each) for each in reversed(digits) if each.isdigit()]
    doubled = [2 * each - 9 if each > 4 else 2 * each for each in numbers[1::2]]
    return (sum(numbers[::2]) + sum(doubled)) % 10 == 0
