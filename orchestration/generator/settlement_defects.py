"""Defects of settlement: the money of a payment, or of a batch, went another way than it should.

What belongs here: one function per class of an order's payment and their table; what goes wrong
with whole batches and on the bank account. What does not: which order gets which (`defects`).
Only the generator imports this.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from orchestration.generator import payments as p
from orchestration.generator import settlement
from orchestration.generator import world as w
from orchestration.generator.chunk import Chunk
from orchestration.generator.defect_kinds import Defect, Injector, Mark
from orchestration.generator.draws import Bools, Ints
from orchestration.generator.frames import Frame, positions, stack
from orchestration.generator.truth import ExpectedException
from orchestration.generator.world import DAY, World

# Whole days after which a batch is past due at the bank, holidays included.
_BANK_DAYS = 14
_LEAST_NET = 10_000
_WALLET = 1


def _settled_taking(chunk: Chunk) -> Ints:
    """Return the row of each order's last capture or sale that a provider must settle; -1: none."""
    taking = (chunk.payments["kind"] == p.CAPTURE) | (chunk.payments["kind"] == p.SALE)
    through = chunk.payments["method"] < len(settlement.PROVIDERS)
    through &= chunk.payments["method"] != _WALLET
    good = (chunk.payments["status"] == p.SUCCEEDED) & (chunk.payments["refused"] == 0)
    return _last(chunk, taking & through & good)


def _won_dispute(chunk: Chunk) -> Ints:
    """Return the row of each order's reversal of a chargeback, not by wallet; -1: none."""
    won = chunk.payments["kind"] == p.CHARGEBACK_REVERSAL
    through = chunk.payments["method"] < len(settlement.PROVIDERS)
    return _last(chunk, won & through & (chunk.payments["method"] != _WALLET))


def _last(chunk: Chunk, wanted: Bools) -> Ints:
    rows = np.flatnonzero(wanted)
    last = np.full(len(chunk.orders), -1, np.int64)
    np.maximum.at(last, positions(chunk.payments["order"][rows], chunk.orders["order"]), rows)
    return last


def _is_settled(chunk: Chunk) -> Bools:
    return p.is_live(chunk.orders) & (_settled_taking(chunk) >= 0)


def _is_in_dollars(chunk: Chunk) -> Bools:
    return _is_settled(chunk) & (chunk.orders["currency"] == w.USD)


def _has_won(chunk: Chunk) -> Bools:
    return p.is_live(chunk.orders) & (_won_dispute(chunk) >= 0)


def _marked(pick: Callable[[Chunk], Ints], code: int) -> Injector:
    """Return a maker that has the provider treat one payment of each order in its own way."""

    def make(world: World, chunk: Chunk, at: Ints) -> tuple[Chunk, Mark]:
        del world
        rows = pick(chunk)[at]
        settled = chunk.payments["settled"].copy()
        settled[rows] = code
        marked = replace(chunk, payments=chunk.payments.having(settled=settled))
        return marked, Mark(chunk.payments["amount"][rows], chunk.payments["seq"][rows])

    return make


SETTLEMENT_DEFECTS: tuple[Defect, ...] = (
    Defect("SET_MISSING", "settlement", 2, "payments", True, _is_settled,
           _marked(_settled_taking, p.UNSETTLED), "A capture or sale is in no settlement."),
    Defect("SET_AMOUNT", "settlement", 2, "payments", True, _is_settled,
           _marked(_settled_taking, p.SETTLED_SHORT),
           "A capture or sale was settled with a tenth less."),
    Defect("FEE_VARIANCE", "settlement", 2, "payments", True, _is_settled,
           _marked(_settled_taking, p.SETTLED_DEAR),
           "The provider took two percent more than its schedule says."),
    Defect("FX_RATE_MISSING", "settlement", 2, "payments", True, _is_in_dollars,
           _marked(_settled_taking, p.SETTLED_ABROAD),
           "Dollars were settled in euros, and nobody says at what rate."),
    Defect("CB_WON_NOT_CREDITED", "settlement", 200, "payments", True, _has_won,
           _marked(_won_dispute, p.UNSETTLED),
           "A dispute was won, and no settlement gave the money back."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BatchDefect:
    """One class of defect of a whole batch or of its bank line."""

    code: str
    leg: str
    stream: str
    prefix: str
    note: str


BATCH_DEFECTS = (
    BatchDefect("ING_FILE_FOOTING", "settlement_batch", "settlement_batches", "STL-{:06d}",
                "The batch states more than its lines come to."),
    BatchDefect("BNK_MISSING", "bank", "settlement_batches", "STL-{:06d}",
                "The payout never reached the account."),
    BatchDefect("BNK_AMOUNT", "bank", "settlement_batches", "STL-{:06d}",
                "The bank shows less than was paid out."),
    BatchDefect("SET_PAYOUT_FAILED", "settlement_batch", "settlement_batches", "STL-{:06d}",
                "The payout failed and was not made again."),
    BatchDefect("BNK_UNKNOWN", "bank", "bank_lines", "BNX-{:09d}",
                "Money on the account that belongs to nothing."),
)  # fmt: skip
_FOOTING, _MISSING, _AMOUNT, _FAILED, _UNKNOWN = range(len(BATCH_DEFECTS))


def spoil_batches(
    world: World, batches: Frame, per_million: int
) -> tuple[Frame, Frame, list[ExpectedException]]:
    """Return batches and bank lines with a defect in some batches, and what must be found.

    Args:
        world: The world of the extract.
        batches: As `Settlement.batches` returns them.
        per_million: Batches out of a million with a defect, of those that are old and large enough.
    """
    batch = batches["batch"]
    chosen = world.draws.below("defect.batch", 1_000_000, batch) < per_million
    chosen &= (batches["day"] < world.as_of // DAY - _BANK_DAYS) & (batches["net"] >= _LEAST_NET)
    drawn = world.draws.below("defect.batch.class", len(BATCH_DEFECTS), batch)
    flaw = np.where(chosen, drawn, -1)
    change = np.maximum(batches["net"] // 20, 1) + world.draws.below("defect.batch.size", 97, batch)
    spoiled = batches.having(
        stated=batches["stated"] + np.where(flaw == _FOOTING, change, 0),
        status=np.where(flaw == _FAILED, 1, 0),
    )
    bank = settlement.bank_lines(
        batches.having(net=batches["net"] - np.where(flaw == _AMOUNT, change, 0)).rows(
            (flaw != _MISSING) & (flaw != _FAILED)
        )
    )
    strays = batches.rows(flaw == _UNKNOWN).having(net=change[flaw == _UNKNOWN], is_stray=1)
    expected = []
    for at in np.flatnonzero(flaw >= 0).tolist():
        defect = BATCH_DEFECTS[int(flaw[at])]
        whole = int(flaw[at]) in (_MISSING, _FAILED)
        expected.append(
            ExpectedException(
                None,
                defect.code,
                defect.leg,
                int(batches["net"][at] if whole else change[at]),
                int(batches["currency"][at]),
                defect.note,
                defect.stream,
                defect.prefix.format(int(batch[at])),
            )
        )
    return spoiled, stack([bank, strays]), expected
