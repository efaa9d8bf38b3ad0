"""Fills an empty Tryton with what selling needs; run by the ERP's own Python, through its RPC.

What belongs here: company, accounts, a year, products, customers, a shop. What does not: anything
of Meshline. Only `tests.erp.tryton_server` calls it: `python tryton_books.py ADDRESS PASSWORD`.
"""

import datetime
import sys
from decimal import Decimal

from proteus import Model
from proteus import config as proteus_config
from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, get_accounts
from trytond.modules.account_invoice.tests.tools import (
    create_payment_term,
    set_fiscalyear_invoice_sequences,
)
from trytond.modules.company.tests.tools import create_company, get_company

PRODUCTS = (("CHAIR", "goods"), ("LAMP", "goods"), ("SEAT", "service"), ("CHARGES", "service"))
CUSTOMERS = ("C-1", "C-2", "C-3")
# A customer without an address cannot be quoted: the ERP refuses, with status 200.
HOMELESS = "C-nowhere"


def fill(config) -> None:
    """Make everything; the database must be empty of it."""
    create_company(currency="EUR", config=config)
    company = get_company(config=config)
    user_type = Model.get("res.user", config=config)
    belongs = {"companies": [("add", [company.id])], "company": company.id}
    (admin,) = user_type.find([("login", "=", "admin")])
    config.get_proxy("res.user").write([admin.id], belongs, config.context)
    config._context = user_type.get_preferences(True, {})
    create_chart(company, config=config)
    today = datetime.datetime.now(datetime.UTC).date()
    year = set_fiscalyear_invoice_sequences(
        create_fiscalyear(company, today, config=config), config=config
    )
    year.save()
    year.click("create_period")
    accounts = get_accounts(company, config=config)
    term = create_payment_term(config=config)
    term.save()
    category = Model.get("product.category", config=config)(name="All", accounting=True)
    category.account_expense = accounts["expense"]
    category.account_revenue = accounts["revenue"]
    category.save()
    (unit,) = Model.get("product.uom", config=config).find([("name", "=", "Unit")])
    template_type = Model.get("product.template", config=config)
    for code, kind in PRODUCTS:
        template = template_type(name=code, default_uom=unit, type=kind, salable=True)
        template.list_price = Decimal("1.00")
        template.account_category = category
        template.code = code
        template.save()
    party_type = Model.get("party.party", config=config)
    for code in (*CUSTOMERS, HOMELESS):
        party = party_type(name=code, code=code)
        party.customer_payment_term = term
        if code != HOMELESS:
            party.addresses.new(party_name=code)
        else:
            while party.addresses:
                party.addresses.pop()
        party.save()
    shop_type = Model.get("web.shop", config=config)
    shop = shop_type(name="Meshline", company=company, currency=company.currency)
    shop.save()


with proteus_config.set_xmlrpc_session(sys.argv[1], "admin", sys.argv[2]) as session:
    fill(session)
