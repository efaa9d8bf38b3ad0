"""Ways to tamper with a history: each returns another one.

What belongs here: the attacks. What does not: whether they are found (`test_tampering.py`).
"""

import random
from collections.abc import Callable
from dataclasses import replace

from orchestration.core.chain import GENESIS, Event, hash_of

TEXT_COLUMNS = (
    "at", "actor_id", "actor_role", "principal_id", "action", "subject_type", "subject_id",
    "recon_key", "reason", "payload",
)  # fmt: skip
Attack = Callable[[list[Event], random.Random], list[Event]]


def rehashed(history: list[Event], start: int) -> list[Event]:
    """Number and hash the events anew from a place on, as somebody who knows the code would."""
    before = history[start - 1].hash if start else GENESIS
    made = history[:start]
    for place, event in enumerate(history[start:], start=start):
        renewed = replace(event, seq=place + 1, prev_hash=before)
        renewed = replace(renewed, hash=hash_of(renewed))
        made.append(renewed)
        before = renewed.hash
    return made


def _edited(event: Event, chance: random.Random) -> Event:
    column = chance.choice(TEXT_COLUMNS)
    value = getattr(event, column) or ""
    return replace(event, **{column: f"{value}{chance.choice('0x é')}"})


def edit(history, chance):
    place = chance.randrange(len(history))
    return [*history[:place], _edited(history[place], chance), *history[place + 1 :]]


def edit_and_rehash_one(history, chance):
    place = chance.randrange(len(history))
    edited = _edited(history[place], chance)
    edited = replace(edited, hash=hash_of(edited))
    return [*history[:place], edited, *history[place + 1 :]]


def edit_and_rehash_the_tail(history, chance):
    place = chance.randrange(len(history))
    return rehashed(
        [*history[:place], _edited(history[place], chance), *history[place + 1 :]], place
    )


def edit_a_hash(history, chance):
    place = chance.randrange(len(history))
    column = chance.choice(["hash", "prev_hash"])
    other = "".join(chance.choices("0123456789abcdef", k=64))
    return [*history[:place], replace(history[place], **{column: other}), *history[place + 1 :]]


def empty_a_column(history, chance):
    place = chance.randrange(len(history))
    column = chance.choice([one for one in TEXT_COLUMNS if one != "recon_key"])
    return [*history[:place], replace(history[place], **{column: None}), *history[place + 1 :]]


def remove(history, chance):
    place = chance.randrange(len(history))
    return history[:place] + history[place + chance.randint(1, 5) :]


def remove_and_rehash(history, chance):
    place = chance.randrange(len(history))
    return rehashed(history[:place] + history[place + chance.randint(1, 5) :], place)


def cut_the_end(history, chance):
    return history[: chance.randrange(len(history))]


def cut_the_end_and_go_on(history, chance):
    place = chance.randrange(1, len(history))
    others = [_edited(one, chance) for one in history[place:]]
    return rehashed(history[:place] + others, place)


def insert(history, chance):
    place = chance.randrange(len(history))
    other = _edited(history[chance.randrange(len(history))], chance)
    return rehashed([*history[:place], other, *history[place:]], place)


def insert_and_renumber_only(history, chance):
    place = chance.randrange(len(history))
    other = replace(_edited(history[place], chance), seq=place + 1)
    moved = [replace(one, seq=one.seq + 1) for one in history[place:]]
    return [*history[:place], other, *moved]


def reorder(history, chance):
    first, second = sorted(chance.sample(range(len(history)), 2))
    made = list(history)
    made[first] = replace(history[second], seq=first + 1)
    made[second] = replace(history[first], seq=second + 1)
    return made


def reorder_and_rehash(history, chance):
    first, second = sorted(chance.sample(range(len(history)), 2))
    made = list(history)
    made[first], made[second] = history[second], history[first]
    return rehashed(made, first)


ATTACKS: tuple[Attack, ...] = (
    edit,
    edit_and_rehash_one,
    edit_and_rehash_the_tail,
    edit_a_hash,
    empty_a_column,
    remove,
    remove_and_rehash,
    cut_the_end,
    cut_the_end_and_go_on,
    insert,
    insert_and_renumber_only,
    reorder,
    reorder_and_rehash,
)


def first_difference(before: list[Event], after: list[Event]) -> int:
    """The first place, from 1, in which two histories differ."""
    for place, (one, other) in enumerate(zip(before, after, strict=False), start=1):
        if one != other:
            return place
    return min(len(before), len(after)) + 1
