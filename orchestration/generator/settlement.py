"""Settlement batches, their lines, and the bank: where the money of payments went.

What belongs here: a daily batch per provider and currency, its footing, its payout.
What does not: payments. Batches cross chunks, so the counts and sums of each are kept here.
Only the generator imports this.
"""

import numpy as np

from orchestration.generator import payments as p
from orchestration.generator import world as w
from orchestration.generator.draws import Ints
from orchestration.generator.frames import Frame, frame
from orchestration.generator.world import DAY, World

PROVIDERS = ("cardway", "pocketpay", "girohub")
LINE_TYPES = ("payment", "refund", "chargeback", "adjustment")
_ADJUSTMENT = 3
BATCH_STATUSES = ("paid", "failed")
_TYPE_OF_KIND = np.array([0, 0, 0, 0, 1, 1, 2, 2, 0, 0])
_FEE_BASIS_POINTS = np.array([290, 340, 20])
_GBP = 2
_DAYS = 80


class Settlement:
    """Adds payments to their batches, chunk by chunk; `batches` closes them.

    A payment is posted a day after it happened; the batch of a day is paid out the day after.
    Batches whose payout day is not over are not reported.
    """

    def __init__(self, world: World) -> None:
        """Start with no batch."""
        self._first_day = (world.as_of - 62 * DAY) // DAY
        self._last_day = world.known_until // DAY - 2
        size = _DAYS * len(PROVIDERS) * len(w.CURRENCIES)
        self._counts = np.zeros(size, np.int64)
        self._net = np.zeros(size, np.int64)

    def first_open_day(self) -> int:
        """Return the first day (since 1970) whose batches are not paid out yet."""
        return self._last_day + 1

    def lines(self, payments: Frame) -> Frame:
        """Return the settlement lines of payments that moved money through a provider.

        net = gross - fee - fee tax; gross is signed from the merchant's side, a fee is positive.
        Columns: batch, line_no, type, order, seq, ref_kind, gross, fee, fee_tax, net, currency, at.
        """
        sign = p.EVIDENCE_SIGN[payments["kind"]]
        moved = (sign != 0) & (payments["method"] < len(PROVIDERS)) & (payments["is_test"] == 0)
        moved &= (payments["status"] == p.SUCCEEDED) & (payments["refused"] == 0)
        moved &= (payments["at"] + DAY) // DAY <= self._last_day
        moved &= payments["settled"] != p.UNSETTLED
        own = payments.rows(moved)
        sign = sign[moved]
        # Abroad is in euros, at the rate of the price list and with no rate stated.
        abroad = own["settled"] == p.SETTLED_ABROAD
        currency = np.where(abroad, w.EUR, own["currency"])
        amount = np.where(abroad, w.in_currency(own["amount"], currency), own["amount"])
        less = np.where(own["settled"] == p.SETTLED_SHORT, np.maximum(amount // 10, 1), 0)
        takes_fee = (own["kind"] == p.CAPTURE) | (own["kind"] == p.SALE)
        gross = sign * (amount - less)
        fee = np.where(takes_fee, w.share(abs(gross), _FEE_BASIS_POINTS[own["method"]]), 0)
        fee += np.where(own["settled"] == p.SETTLED_DEAR, np.maximum(amount // 50, 5), 0)
        fee_tax = np.where(currency == _GBP, w.share(fee, 2_000), 0)
        posted = own["at"] + DAY
        made = frame(
            len(own),
            batch=self._batch(posted, own["method"], currency),
            type=_TYPE_OF_KIND[own["kind"]],
            order=own["order"],
            seq=own["seq"],
            ref_kind=own["ref_kind"],
            gross=gross,
            fee=fee,
            fee_tax=fee_tax,
            net=gross - fee - fee_tax,
            currency=currency,
            at=posted,
        ).in_order_of("batch", "order", "seq")
        return made.having(line_no=self._number(made["batch"], made["net"]))

    def carried(self) -> Frame:
        """Return a last line for each batch that took back more than came in: carried forward.

        Columns as of `lines`. To be asked for once, after all lines and before `batches`.
        """
        batch = np.flatnonzero(self._net < 0)
        currency = batch % len(w.CURRENCIES)
        return frame(
            len(batch),
            batch=batch,
            type=_ADJUSTMENT,
            order=-1,
            seq=0,
            ref_kind=p.REF_OK,
            gross=-self._net[batch],
            fee=0,
            fee_tax=0,
            net=-self._net[batch],
            currency=currency,
            at=(self.day_of(batch) + 1) * DAY - 2,
        ).having(line_no=self._number(batch, -self._net[batch]))

    def batches(self) -> Frame:
        """Return the batches with lines.

        Columns: batch, provider, currency, day (of closing), net, stated (net by the header),
        status.
        """
        batch = np.flatnonzero(self._counts)
        rest, currency = np.divmod(batch, len(w.CURRENCIES))
        day, provider = np.divmod(rest, len(PROVIDERS))
        return frame(
            len(batch),
            batch=batch,
            provider=provider,
            currency=currency,
            day=day + self._first_day,
            net=self._net[batch],
            stated=self._net[batch],
            status=0,
        )

    def day_of(self, batch: Ints) -> Ints:
        """Return the day (since 1970) on which each batch closes."""
        return batch // (len(PROVIDERS) * len(w.CURRENCIES)) + self._first_day

    def _batch(self, posted: Ints, provider: Ints, currency: Ints) -> Ints:
        """Return the batch number of a day, provider and currency."""
        day = posted // DAY - self._first_day
        return (day * len(PROVIDERS) + provider) * len(w.CURRENCIES) + currency

    def _number(self, batch: Ints, net: Ints) -> Ints:
        """Return line numbers that go on where the last chunk stopped, and add to the batches."""
        rank = np.arange(len(batch)) - np.searchsorted(batch, batch)
        line_no = self._counts[batch] + rank + 1
        np.add.at(self._counts, batch, 1)
        np.add.at(self._net, batch, net)
        return line_no


def bank_lines(batches: Frame) -> Frame:
    """Return the line of each batch on the bank account, which nets to something.

    Columns: batch, provider, currency, day, net, is_stray (of nothing that anybody knows).
    """
    return batches.rows(batches["net"] != 0).having(is_stray=0)
