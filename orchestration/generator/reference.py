"""The delivered columns of the reference streams: parties, products, prices, contracts, rates.

What belongs here: one function per stream, from the world alone. What does not: orders.
Only the generator imports this.
"""

import numpy as np
import pyarrow as pa

from orchestration.generator import text
from orchestration.generator import world as w
from orchestration.generator.draws import Ints
from orchestration.generator.layouts import Columns
from orchestration.generator.world import DAY, World

_RATE_SCALE = 6
# US dollars for one unit, in millionths, before the daily movement.
_USD_MILLIONTHS = np.array([1_000_000, 1_087_000, 1_266_000, 6_667, 3_250_000, 1_111_000])


def _updated(world: World, count: int) -> pa.Array:
    return text.times(np.full(count, world.as_of - 61 * DAY))


def customers(world: World) -> Columns:
    """Columns of `customers`."""
    number = np.arange(world.customers, dtype=np.int64)
    draws, segment = world.draws, world.customer_segment(number)
    tier = np.where(segment == 0, draws.pick("customer.tier", (40, 60), number), 2)
    risk = draws.below("customer.risk", 100, number)
    return {
        "customer_id": text.ids("CUS", number, 6),
        "name": text.ids("Customer", number, 6),
        "tier": text.choices(("tier_1", "tier_2", "tier_3"), tier),
        "segment": text.choices(w.SEGMENTS, segment),
        "country": text.choices(w.COUNTRIES, draws.below("customer.country", 9, number)),
        "sales_owner_id": text.ids("PER", world.customer_owner(number), 4),
        "churn_risk": text.money(risk, np.full(len(number), 2)),
        "credit_limit": text.money(
            world.customer_credit(number), w.EXPONENTS[world.customer_currency(number)]
        ),
        "currency": text.choices(w.CURRENCIES, world.customer_currency(number)),
        "updated_at": _updated(world, len(number)),
    }


def people(world: World) -> Columns:
    """Columns of `people`; the first 40 are in sales, and the last of each role leads it."""
    number = np.arange(w.PEOPLE, dtype=np.int64)
    others = w.SALES_PEOPLE
    role = np.where(number < others, 0, 1 + (number - others) % (len(w.ROLES) - 1))
    chief = number == w.PEOPLE - 1
    return {
        "person_id": text.ids("PER", number, 4),
        "name": text.ids("Person", number, 4),
        "email": pa.array([f"person-{one:04d}@example.com" for one in number]),
        "role": text.choices(w.ROLES, role),
        "manager_id": text.ids("PER", np.where(chief, -1, w.PEOPLE - 1), 4),
        "approval_limit": text.whole(np.where(chief, 1_000_000, 10_000)),
        "currency": text.constant("USD", w.PEOPLE),
        "updated_at": _updated(world, w.PEOPLE),
    }


def products(world: World) -> Columns:
    """Columns of `products`."""
    number = np.arange(w.PRODUCTS, dtype=np.int64)
    family = world.draws.below("product.family", 5, number)
    return {
        "sku": text.ids("SKU", number, 4),
        "name": text.ids("Product", number, 4),
        "product_family": text.choices(("home", "office", "outdoor", "media", "cloud"), family),
        "tax_class": text.choices(w.TAX_CLASSES, world.product_tax(number)),
        "fulfilment": text.choices(w.FULFILMENTS, w.product_fulfilment(number)),
        "updated_at": _updated(world, w.PRODUCTS),
    }


def price_book(world: World) -> Columns:
    """Columns of `price_book`: one list price per product and currency, valid throughout."""
    number = np.arange(w.PRODUCTS * len(w.CURRENCIES), dtype=np.int64)
    product, currency = np.divmod(number, len(w.CURRENCIES))
    price = world.price(product, currency)
    return {
        "sku": text.ids("SKU", product, 4),
        "currency": text.choices(w.CURRENCIES, currency),
        "unit_price": text.money(price, w.EXPONENTS[currency]),
        "valid_from": text.dates(np.full(len(number), world.as_of // DAY - 400)),
        "valid_to": text.constant(None, len(number)),
        "segment": text.constant(None, len(number)),
        "updated_at": _updated(world, len(number)),
    }


def sellers(world: World) -> Columns:
    """Columns of `sellers`."""
    number = np.arange(world.sellers, dtype=np.int64)
    owner = w.SALES_PEOPLE + world.draws.below("seller.owner", w.PEOPLE - 40, number)
    commission = world.seller_commission(number)
    return {
        "seller_id": text.ids("SEL", number, 4),
        "name": text.ids("Seller", number, 4),
        "recon_owner_id": text.ids("PER", owner, 4),
        "commission_rate": pa.array([f"0.{points:04d}" for points in commission]),
        "currency": text.choices(w.CURRENCIES, world.seller_currency(number)),
        "updated_at": _updated(world, len(number)),
    }


def contracts(world: World) -> Columns:
    """Columns of `contracts`: for each enterprise customer the current one and the one before."""
    number = np.arange(2 * world.customer_range(w.ENTERPRISE_SEGMENT)[1], dtype=np.int64)
    customer, current = np.divmod(number, 2)
    start = world.contract_start(customer) - np.where(current == 1, 0, 365)
    return {
        "contract_id": text.ids("CON", customer, 6, current + 1),
        "customer_id": text.ids("CUS", customer, 6),
        "start_on": text.dates(start),
        "end_on": text.dates(start + 364),
        "payment_terms": text.choices(w.TERMS, world.customer_terms(customer)),
        "tax_class": text.constant("standard", len(number)),
        "currency": text.choices(w.CURRENCIES, world.customer_currency(customer)),
        "renews_contract_id": text.ids(
            "CON", np.where(current == 1, customer, -1), 6, np.ones(len(number), np.int64)
        ),
        "status": text.choices(("expired", "active"), current),
        "updated_at": _updated(world, len(number)),
    }


def fx_rates(world: World) -> Columns:
    """Columns of `fx_rates`: each currency in US dollars, daily over the window."""
    foreign = len(w.CURRENCIES) - 1
    number = np.arange(63 * foreign, dtype=np.int64)
    day, currency = np.divmod(number, foreign)
    on = world.as_of // DAY - 62 + day
    return {
        "rate_on": text.dates(on),
        "from_currency": text.choices(w.CURRENCIES, currency + 1),
        "to_currency": text.constant("USD", len(number)),
        "rate": _rates(world, on, currency + 1),
        "source": text.constant("central-bank", len(number)),
        "updated_at": text.times(np.minimum(on * DAY + 16 * 3_600, world.known_until)),
    }


def _rates(world: World, on: Ints, currency: Ints) -> pa.Array:
    """Return rates with six decimals that move within half a percent."""
    moved = 995_000 + world.draws.below("fx", 10_001, on, currency)
    millionths = _USD_MILLIONTHS[currency] * moved // 1_000_000
    return pa.array([f"{one // 10**6}.{one % 10**6:0{_RATE_SCALE}d}" for one in millionths])
