"""The pages: routes, their questions to the marts, and what their templates are given."""

from console.pages import (
    access,
    accounts,
    assets,
    exception,
    exceptions,
    figures,
    home,
    order,
    orders,
    overview,
    panels,
    quality,
    rules,
    runs,
    settlements,
)

ROUTERS = (
    access.router,
    assets.router,
    home.router,
    panels.router,
    overview.router,
    exceptions.router,
    exception.router,
    orders.router,
    order.router,
    settlements.router,
    figures.router,
    quality.router,
    runs.router,
    rules.router,
    accounts.router,
)
