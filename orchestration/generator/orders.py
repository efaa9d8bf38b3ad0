"""Orders and their lines: what was agreed.

What belongs here: the header and lines of an order as a function of its number.
What does not: documents that follow (`payments`, `deliveries`, `billing`) and defects.
Only the generator imports this.
"""

import numpy as np

from orchestration.generator import world as w
from orchestration.generator.draws import Bools, Ints
from orchestration.generator.frames import Frame, frame
from orchestration.generator.world import DAY, WINDOW_DAYS, World

_TYPE_WEIGHTS = (11, 9, 0, 55, 25)
_NONE = -1


def _drawn_types(world: World, orders: Ints) -> Ints:
    """Return the type of each order before amendments are placed."""
    return world.draws.pick("order.type", _TYPE_WEIGHTS, orders)


def _is_amendment(world: World, orders: Ints) -> Bools:
    """Return which orders amend the one before: an odd number after a contract order, sometimes."""
    base_is_contract = w.is_enterprise(_drawn_types(world, np.maximum(orders - 1, 0)))
    return (orders % 2 == 1) & base_is_contract & world.draws.chance("order.amends", 2_500, orders)


def order_frame(world: World, orders: Ints) -> Frame:
    """Return headers without amounts, one row per order number, in the order given."""
    draws = world.draws
    amends = _is_amendment(world, orders)
    root = np.where(amends, orders - 1, orders)
    kind = np.where(amends, w.AMENDMENT, _drawn_types(world, orders))
    customer = _customers(world, root, kind)
    currency = world.customer_currency(customer)
    ordered_at = _ordered_at(world, orders, root, amends)
    status, is_test = _status(world, orders, kind, ordered_at)
    start = world.contract_start(customer)
    contract_order = w.is_enterprise(kind)
    included = draws.chance("order.tax_included", 4_000, orders) & (kind == w.COMMERCE)
    return frame(
        len(orders),
        order=orders,
        root=root,
        type=kind,
        channel=np.where(
            contract_order,
            draws.below("order.channel", 2, root),
            np.where(kind == w.COMMERCE, 2 + draws.below("order.channel", 2, root), 4),
        ),
        customer=customer,
        contract=np.where(contract_order, customer, _NONE),
        amends=np.where(amends, root, _NONE),
        is_amended=_is_amendment(world, orders + 1).astype(np.int64),
        owner=world.customer_owner(customer),
        currency=currency,
        ordered_at=ordered_at,
        ends_on=np.where(contract_order, start + 364, _NONE),
        terms=world.customer_terms(customer),
        tax_included=included,
        status=status,
        is_test=is_test,
        is_free=draws.chance("order.free", 80, orders) & (kind == w.COMMERCE),
        approver=np.where(contract_order, _approver(world, root, customer), _NONE),
        has_credit=~world.customer_has_no_credit(customer),
    )


def _approver(world: World, root: Ints, customer: Ints) -> Ints:
    """Return who approved each order: anybody in sales but its owner."""
    other = 1 + world.draws.below("order.approver", w.SALES_PEOPLE - 1, root)
    return (world.customer_owner(customer) + other) % w.SALES_PEOPLE


def _customers(world: World, root: Ints, kind: Ints) -> Ints:
    """Return the customer of each order, out of the segment that its type belongs to."""
    customer = np.zeros(len(root), np.int64)
    for rows, segment in (
        (w.is_enterprise(kind), w.ENTERPRISE_SEGMENT),
        (kind == w.COMMERCE, w.COMMERCE_SEGMENT),
        (kind == w.MARKETPLACE, w.MARKETPLACE_SEGMENT),
    ):
        start, size = world.customer_range(segment)
        customer[rows] = start + world.draws.below("order.customer", size, root[rows])
    return customer


def _ordered_at(world: World, orders: Ints, root: Ints, amends: Bools) -> Ints:
    """Return when each order was placed; an amendment comes after what it amends."""
    until = np.where(root < world.orders, world.as_of, world.known_until)
    whole = WINDOW_DAYS * DAY - world.youngest
    window = np.where(root < world.orders, whole, world.window)
    back = world.youngest + world.draws.below("order.time", 1_000_000, root) * window // 1_000_000
    placed = until - back
    share = world.draws.between("order.amended_after", 100, 900, orders)
    # What an amendment adds falls due with its order, so it is never so young as to wait for money.
    later = np.maximum(back - max(world.youngest, DAY), 0) * share // 1_000
    return np.where(amends, placed + later, placed)


def _status(world: World, orders: Ints, kind: Ints, ordered_at: Ints) -> tuple[Ints, Bools]:
    """Return status and whether it is a test; contract orders stay live."""
    draws = world.draws
    sold = ~w.is_enterprise(kind)
    is_test = draws.chance("order.test", 50, orders) & sold
    closed = (ordered_at < world.as_of - 20 * DAY) & draws.chance("order.closed", 6_000, orders)
    status = np.where(closed, w.CLOSED, w.CONFIRMED)
    status[draws.chance("order.cancelled", 500, orders) & sold & ~is_test] = w.CANCELLED
    status[draws.chance("order.draft", 100, orders) & sold & ~is_test] = w.DRAFT
    return status, is_test


def line_frame(world: World, orders: Frame) -> Frame:
    """Return the lines of the orders, each order's together and numbered from 1.

    `position` is the row of the order in `orders`; `net` is quantity x price - discount.
    """
    draws = world.draws
    count = 1 + draws.pick("order.lines", (42, 30, 16, 8, 4), orders["order"])
    count = np.where(orders["type"] == w.AMENDMENT, 1, count)
    position = np.repeat(np.arange(len(orders), dtype=np.int64), count)
    first = np.cumsum(count) - count
    line_no = np.arange(len(position), dtype=np.int64) - first[position] + 1
    order, root, kind = (orders[name][position] for name in ("order", "root", "type"))
    currency = orders["currency"][position]
    product = _products(world, root, kind, line_no)
    quantity = _quantities(world, order, kind, line_no)
    price = world.price(product, currency)
    promoted = draws.chance("line.promotion", 2_000, order, line_no) & (kind >= w.COMMERCE)
    discount = np.where(promoted, quantity * price // 10, 0)
    discount = np.where(orders["is_free"][position] == 1, quantity * price, discount)
    net = quantity * price - discount
    tax_class = world.product_tax(product)
    points = w.TAX_BASIS_POINTS[tax_class]
    inside = (net * points + (10_000 + points) // 2) // (10_000 + points)
    contract = w.is_enterprise(kind)
    return frame(
        len(position),
        position=position,
        order=order,
        line_no=line_no,
        product=product,
        fulfilment=w.product_fulfilment(product),
        seller=_sellers(world, order, kind, line_no),
        quantity=quantity,
        is_delta=(kind == w.AMENDMENT),
        price=price,
        discount=discount,
        net=net,
        tax_class=tax_class,
        tax=np.where(orders["tax_included"][position] == 1, inside, w.share(net, points)),
        currency=currency,
        service_from=np.where(contract, orders["ordered_at"][position] // DAY, _NONE),
        service_to=np.where(contract, orders["ends_on"][position], _NONE),
        amends_line=np.where(kind == w.AMENDMENT, line_no, _NONE),
        ordered_at=orders["ordered_at"][position],
        status=orders["status"][position],
    )


def _products(world: World, root: Ints, kind: Ints, line_no: Ints) -> Ints:
    """Return products, none twice in an order: contracts sell services, shops mostly goods."""
    digital = world.draws.chance("line.digital", 1_500, root, line_no) & (kind == w.COMMERCE)
    boxed = world.draws.chance("line.boxed", 1_000, root, line_no) & (line_no > 1)
    group = np.where(
        w.is_enterprise(kind),
        np.where(boxed, w.SHIP, w.SERVICE),
        np.where(digital, w.NO_DELIVERY, w.SHIP),
    )
    start = world.draws.below("line.product", 1_000, root)
    return w.PRODUCT_START[group] + (start + line_no * 7) % w.PRODUCT_COUNT[group]


def _quantities(world: World, order: Ints, kind: Ints, line_no: Ints) -> Ints:
    """Return whole quantities: seats for contracts, a few pieces for the rest."""
    seats = world.draws.between("line.seats", 5, 200, order, line_no)
    pieces = 1 + world.draws.pick("line.pieces", (55, 25, 12, 8), order, line_no)
    return np.where(w.is_enterprise(kind), np.where(kind == w.AMENDMENT, seats // 5, seats), pieces)


def _sellers(world: World, order: Ints, kind: Ints, line_no: Ints) -> Ints:
    """Return the seller of each marketplace line, one to three an order; -1 elsewhere."""
    spread = 1 + world.draws.pick("order.sellers", (45, 35, 20), order)
    first = world.draws.below("order.seller", world.sellers, order)
    seller = (first + ((line_no - 1) % spread) * 5) % world.sellers
    return np.where(kind == w.MARKETPLACE, seller, _NONE)


def priced(world: World, orders: Frame, lines: Frame) -> Frame:
    """Return the headers with their amounts: tax, discount, shipping, tip and total.

    total = lines net + tax (unless the prices include it) + shipping + tip - discount.
    """
    draws, order, currency = world.draws, orders["order"], orders["currency"]
    first = np.searchsorted(lines["position"], np.arange(len(orders)))
    net = np.add.reduceat(lines["net"], first)
    tax = np.add.reduceat(lines["tax"], first)
    shop = (orders["type"] == w.COMMERCE) & (orders["is_free"] == 0)
    fee = w.in_currency(100 * draws.between("order.shipping", 3, 15, order) - 1, currency)
    tip = w.in_currency(100 * draws.between("order.tip", 1, 5, order), currency)
    promoted = shop & draws.chance("order.promotion", 1_500, order)
    shipping = np.where(shop & draws.chance("order.ships_paid", 6_000, order), fee, 0)
    tips = np.where(shop & draws.chance("order.tips", 300, order), tip, 0)
    discount = np.where(promoted, net // 20, 0)
    added = np.where(orders["tax_included"] == 1, 0, tax)
    return orders.having(
        net=net,
        tax=tax,
        discount=discount,
        shipping=shipping,
        tip=tips,
        total=net + added + shipping + tips - discount,
    )
