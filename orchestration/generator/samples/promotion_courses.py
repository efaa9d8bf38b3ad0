"""How the orders of Garden Days went: as planned, unusual but in order, or wrong.

What belongs here: one function per course, and which order takes which. What does not: the orders
(`promotion`). Only the samples import this.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

from orchestration.generator.samples.book import rounded
from orchestration.generator.samples.deals import ZERO, Deal, Item
from orchestration.generator.samples.parties import GARDEN, PRICE_LIST, list_price

Course = Callable[[Deal, int], None]


def course_of(number: int) -> Course:
    """Return how the order of this number went."""
    return _TROUBLES.get(number) or _USUAL.get(number) or _as_planned


def _as_planned(deal: Deal, number: int) -> None:
    """The usual course: paid, billed, sent in one parcel or two."""
    deal.place().invoice()
    _pay(deal, number)
    _send(deal, number)


def _pay(deal: Deal, number: int) -> None:
    """Pay in one of the shop's ways; each brings in exactly the total."""
    total, currency = deal.total, deal.currency
    part = rounded(total * Decimal("0.4"), currency)
    way = number % 10
    if way in (0, 1, 2):
        deal.capture(part, total - part)
    elif way == 3:
        deal.pay("gift_card", part, 0, method="gift_card")
        deal.pay("sale", total - part, 0)
    elif way == 4:
        deal.pay("sale", total, 0, status="failed")
        deal.pay("sale", total, 1, method="wallet")
    elif way == 5:
        captured = deal.capture(total + part)
        deal.pay("refund", part, 60, parent_payment_id=captured[0])
    elif way == 6 and number % 20 == 6:
        deal.pay("store_credit", part, 0, method="store_credit")
        deal.pay("sale", total - part, 0)
    elif way in (6, 7):
        deal.capture()
    else:
        deal.pay("sale", total, 0, method="wallet" if number % 2 else "card")


def _send(deal: Deal, number: int) -> None:
    """Send everything; every third order in two parcels, the second some days later."""
    goods = _goods(deal)
    first = {line: pieces - pieces // 2 for line, pieces in goods.items()}
    later = {line: pieces // 2 for line, pieces in goods.items() if pieces > 1}
    if number % 3 or not later:
        deal.ship()
        return
    deal.ship(first)
    deal.ship(later, hours=60)


def _goods(deal: Deal) -> dict[int, int]:
    """Return the pieces that each line has to ship."""
    numbered = enumerate(deal.items, start=1)
    return {n: item.quantity for n, item in numbered if item.product.fulfilment == "ship"}


# ---------------------------------------------------------------- unusual, but in order
def _cancelled_before_payment(deal: Deal, number: int) -> None:
    del number
    deal.status = "cancelled"
    deal.place()
    first = deal.pay("authorization", deal.total, 0)
    deal.pay("void", deal.total, 5, parent_payment_id=first)


def _cancelled_and_returned(deal: Deal, number: int) -> None:
    del number
    deal.status = "cancelled"
    deal.place()
    captured = deal.capture()
    deal.pay("refund", deal.total, 30, parent_payment_id=captured[0])


def _free_sample(deal: Deal, number: int) -> None:
    del number
    deal.items = (Item(GARDEN[4], 1, list_price(GARDEN[4], deal.currency)),)
    price = deal.items[0].price
    deal.items = (Item(GARDEN[4], 1, price, discount=price),)
    deal.shipping = deal.tip = ZERO
    deal.place().ship()


def _rehearsal(deal: Deal, number: int) -> None:
    del number
    deal.header = {**deal.header, "is_test": True}
    deal.place().capture()


def _basket_left_behind(deal: Deal, number: int) -> None:
    del number
    deal.status = "draft"
    deal.place()


def _dispute_won(deal: Deal, number: int) -> None:
    deal.place().invoice()
    sale = deal.pay("sale", deal.total, 0)
    deal.pay("chargeback", deal.total, 90, parent_payment_id=sale)
    deal.pay("chargeback_reversal", deal.total, 200, parent_payment_id=sale)
    _send(deal, number)


# ---------------------------------------------------------------- what went wrong
def _express_charged_on_top(deal: Deal, number: int) -> None:
    deal.place().invoice()
    extra = rounded(Decimal("24.90") * PRICE_LIST[deal.currency], deal.currency)
    deal.capture(deal.total + extra)
    _send(deal, number)
    deal.book.expect(
        "PAY_OVER", "payment", deal.order_id, "Express delivery was charged but never ordered."
    )


def _second_capture_failed(deal: Deal, number: int) -> None:
    deal.place().invoice()
    part = rounded(deal.total * Decimal("0.6"), deal.currency)
    captured = deal.capture(part)
    deal.pay("capture", deal.total - part, 40, status="failed", parent_payment_id=captured[0])
    _send(deal, number)
    deal.book.expect(
        "PAY_SHORT", "payment", deal.order_id, "The capture for the second parcel was declined."
    )


def _never_charged(deal: Deal, number: int) -> None:
    deal.place().invoice()
    deal.pay("authorization", deal.total, 0)
    _send(deal, number)
    deal.book.expect(
        "PAY_MISSING", "payment", deal.order_id, "Sent on an authorization nobody captured."
    )


def _clicked_twice(deal: Deal, number: int) -> None:
    deal.place().invoice()
    deal.pay("sale", deal.total, 0)
    again = deal.pay("sale", deal.total, 0)
    _send(deal, number)
    deal.book.expect(
        "PAY_DUPLICATE", "payment", deal.order_id, "The shopper pressed the button twice.", again
    )


def _cancelled_money_kept(deal: Deal, number: int) -> None:
    del number
    deal.status = "cancelled"
    deal.place().capture()
    deal.book.expect(
        "PAY_REFUND_MISSING", "payment", deal.order_id, "Cancelled after capture, not refunded."
    )


def _cancelled_refunded_twice(deal: Deal, number: int) -> None:
    del number
    deal.status = "cancelled"
    deal.place()
    captured = deal.capture()
    deal.pay("refund", deal.total, 30, parent_payment_id=captured[0])
    again = deal.pay("refund", deal.total, 52, parent_payment_id=captured[0])
    deal.book.expect(
        "PAY_REFUND_EXCEEDS", "payment", deal.order_id, "Two clerks refunded it.", again
    )


def _draft_paid(deal: Deal, number: int) -> None:
    del number
    deal.status = "draft"
    deal.place()
    name = deal.pay("sale", deal.total, 3)
    deal.book.expect(
        "PAY_UNAPPLIED", "payment", deal.order_id, "A basket was paid and never confirmed.", name
    )


def _left_behind(deal: Deal, number: int) -> None:
    deal.place().invoice()
    _pay(deal, number)
    deal.book.expect(
        "FUL_MISSING", "fulfilment", deal.order_id, "Paid, and no parcel was ever packed."
    )


def _one_piece_short(deal: Deal, number: int) -> None:
    deal.items = (Item(GARDEN[0], 6, list_price(GARDEN[0], deal.currency)),)
    deal.place().invoice()
    _pay(deal, number)
    deal.ship({1: 4})
    name = deal.ship({1: 1}, hours=60)
    deal.book.expect(
        "FUL_SHORT", "fulfilment", deal.order_id, "The second parcel held one chair, not two.", name
    )


def _packed_twice(deal: Deal, number: int) -> None:
    deal.items = (Item(GARDEN[2], 1, list_price(GARDEN[2], deal.currency)),)
    deal.place().invoice()
    _pay(deal, number)
    deal.ship()
    name = deal.ship(hours=33)
    deal.book.expect(
        "FUL_OVER", "fulfilment", deal.order_id, "Two shifts packed the same parasol.", name
    )


def _wrong_decimals(amount: str, story: str) -> Course:
    def course(deal: Deal, number: int) -> None:
        _as_planned(deal, number)
        name = deal.pay("authorization", deal.total, 2)
        deal.book.streams["payments"][-1]["amount"] = amount
        deal.book.expect("ING_ROW_REJECTED", None, None, story, name)

    return course


_USUAL: Mapping[int, Course] = {
    9: _cancelled_before_payment, 33: _cancelled_and_returned, 48: _free_sample,
    61: _rehearsal, 77: _basket_left_behind, 94: _dispute_won, 118: _cancelled_and_returned,
    139: _free_sample, 152: _cancelled_before_payment,
}  # fmt: skip
_TROUBLES: Mapping[int, Course] = {
    14: _express_charged_on_top, 27: _second_capture_failed, 39: _never_charged,
    52: _clicked_twice, 58: _cancelled_money_kept, 71: _cancelled_refunded_twice,
    83: _left_behind, 97: _one_piece_short, 104: _packed_twice,
    111: _wrong_decimals("1.249,00", "One terminal writes amounts with a decimal comma."),
    126: _left_behind,
    133: _wrong_decimals("84.9O", "A letter O stands where a zero should."),
    147: _never_charged, 159: _draft_paid,
}  # fmt: skip
