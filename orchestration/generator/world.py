"""The fixed facts of a generated world: who buys, what is sold, at what price, and when.

What belongs here: sizes, code lists, and the facts of a party or product from its number.
What does not: orders (`orders`) and text (`layouts`). Only the generator imports this.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.generator.draws import Bools, Draws, Ints

DAY = 86_400
HOUR = 3_600
# Days before the extract over which its orders lie.
WINDOW_DAYS = 60
# Days after which everything about an order has been reported, its settlement included.
SETTLED_DAYS = 4

CURRENCIES = ("USD", "EUR", "GBP", "JPY", "KWD", "CHF")
EXPONENTS = np.array([2, 2, 2, 0, 3, 2])
_CURRENCY_WEIGHTS = (45, 24, 12, 10, 3, 6)
# Minor units per US cent, as a ratio: a list price moves between currencies without a fraction.
_PRICE_UP = np.array([1, 92, 79, 3, 3, 9])
_PRICE_DOWN = np.array([1, 100, 100, 2, 1, 10])
USD = 0
EUR = 1
NO_CENTS = 3

ORDER_TYPES = ("new", "renewal", "amendment", "commerce", "marketplace")
NEW, RENEWAL, AMENDMENT, COMMERCE, MARKETPLACE = range(5)
SEGMENTS = ("enterprise", "commerce", "marketplace")
ENTERPRISE_SEGMENT, COMMERCE_SEGMENT, MARKETPLACE_SEGMENT = range(3)
ORDER_STATUSES = ("draft", "confirmed", "cancelled", "closed")
DRAFT, CONFIRMED, CANCELLED, CLOSED = range(4)
CHANNELS = ("direct", "partner", "web", "app", "bazaar")
# Shops and the marketplace state no terms: their customers pay when they order.
TERMS = ("net_7", "net_15", "net_30", None)
TERM_DAYS = np.array([7, 15, 30, 0])
NO_TERMS = 3
TAX_CLASSES = ("standard", "reduced", "zero")
TAX_BASIS_POINTS = np.array([2000, 500, 0])
FULFILMENTS = ("ship", "service", "none")
SHIP, SERVICE, NO_DELIVERY = range(3)
COUNTRIES = ("US", "DE", "FR", "GB", "JP", "KW", "CH", "NL", "CA")
ROLES = ("sales", "finance", "operations", "platform", "marketplace", "control")

SALES_PEOPLE = 40
PEOPLE = 64
PRODUCTS = 400
# Products stand in three runs: shipped, service, neither. First number and size of each.
PRODUCT_START = np.array([0, 240, 340])
PRODUCT_COUNT = np.array([240, 100, 60])


@dataclass(frozen=True, slots=True)
class World:
    """What a seed makes.

    Attributes:
        draws: The draws of the seed.
        orders: Orders of the first extract; the number of customers and sellers follows from it.
        as_of: Moment of the first extract, seconds since 1970.
        known_until: Nothing later than this has been reported: `as_of`, or a later moment.
        window: Seconds over which the orders of this extract are spread.
        youngest: Seconds between the last of them and `known_until`.
    """

    draws: Draws
    orders: int
    as_of: int
    known_until: int
    window: int
    youngest: int

    @property
    def customers(self) -> int:
        """Number of customers, whatever their segment."""
        return max(60, self.orders // 20)

    @property
    def sellers(self) -> int:
        """Number of marketplace sellers."""
        return max(12, min(2_000, self.orders // 200))

    def customer_range(self, segment: int) -> tuple[int, int]:
        """Return the first customer number of a segment and how many there are."""
        enterprise, marketplace = self.customers // 10, self.customers // 4
        starts = (0, enterprise + marketplace, enterprise)
        sizes = (enterprise, self.customers - enterprise - marketplace, marketplace)
        return starts[segment], sizes[segment]

    def customer_segment(self, customers: Ints) -> Ints:
        """Return the segment of each customer."""
        enterprise = self.customer_range(ENTERPRISE_SEGMENT)[1]
        commerce_from = self.customer_range(COMMERCE_SEGMENT)[0]
        return np.where(
            customers < enterprise,
            ENTERPRISE_SEGMENT,
            np.where(customers < commerce_from, MARKETPLACE_SEGMENT, COMMERCE_SEGMENT),
        )

    def customer_currency(self, customers: Ints) -> Ints:
        """Return the currency in which each customer buys."""
        return self.draws.pick("customer.currency", _CURRENCY_WEIGHTS, customers)

    def customer_terms(self, customers: Ints) -> Ints:
        """Return the payment terms: enterprise by contract, none for the others."""
        drawn = self.draws.pick("customer.terms", (30, 30, 40), customers)
        return np.where(self.customer_segment(customers) == ENTERPRISE_SEGMENT, drawn, NO_TERMS)

    def customer_owner(self, customers: Ints) -> Ints:
        """Return the person in sales who looks after each customer."""
        return self.draws.below("customer.owner", SALES_PEOPLE, customers)

    def customer_has_no_credit(self, customers: Ints) -> Bools:
        """Return the contract customers whose next unpaid order is one too many.

        There are none while young orders wait for their payment: each of those would be one.
        """
        chosen = self.draws.chance("customer.no_credit", 1_000, customers)
        settled = self.youngest >= SETTLED_DAYS * DAY
        return chosen & (self.customer_segment(customers) == ENTERPRISE_SEGMENT) & settled

    def customer_credit(self, customers: Ints) -> Ints:
        """Return the credit limit of each customer, in minor units of the currency it buys in."""
        cents = 1_000_000 * self.draws.between("customer.credit", 50, 500, customers)
        cents = np.where(self.customer_has_no_credit(customers), 1_000, cents)
        return in_currency(cents, self.customer_currency(customers))

    def contract_start(self, customers: Ints) -> Ints:
        """Return the day on which the current contract began; each lasts 365 days."""
        return self.as_of // DAY - self.draws.between("contract.start", 61, 300, customers)

    def seller_commission(self, sellers: Ints) -> Ints:
        """Return the commission in basis points."""
        return 500 + 100 * self.draws.below("seller.commission", 14, sellers)

    def seller_currency(self, sellers: Ints) -> Ints:
        """Return the home currency of each seller (statements are in the order's currency)."""
        return self.draws.pick("seller.currency", _CURRENCY_WEIGHTS, sellers)

    def product_tax(self, products: Ints) -> Ints:
        """Return the tax class of each product."""
        return self.draws.pick("product.tax", (75, 15, 10), products)

    def price(self, products: Ints, currencies: Ints) -> Ints:
        """Return the list price of one unit, in minor units of the currency."""
        goods = self.draws.between("product.price", 299, 24_999, products)
        seats = 100 * self.draws.between("product.seat", 12, 99, products)
        cents = np.where(product_fulfilment(products) == SERVICE, seats, goods)
        return cents * _PRICE_UP[currencies] // _PRICE_DOWN[currencies]


def product_fulfilment(products: Ints) -> Ints:
    """Return how each product reaches the customer."""
    return np.searchsorted(PRODUCT_START, products, side="right").astype(np.int64) - 1


def in_currency(cents: Ints, currencies: Ints) -> Ints:
    """Return an amount in US cents as minor units of another currency, at list-price rates."""
    return cents * _PRICE_UP[currencies] // _PRICE_DOWN[currencies]


def month_end(moments: Ints) -> Ints:
    """Return the last second of the month that each moment lies in."""
    months = moments.astype("datetime64[s]").astype("datetime64[M]")
    return (months + 1).astype("datetime64[s]").astype(np.int64) - 1


def share(amounts: Ints, basis_points: Ints | int) -> Ints:
    """Return a rate of non-negative amounts, rounded half up to the minor unit."""
    return (amounts * basis_points + 5_000) // 10_000


def is_enterprise(order_types: Ints) -> Bools:
    """Return which orders come from a contract."""
    return order_types <= AMENDMENT
