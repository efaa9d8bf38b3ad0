"""Who may see and do what: the policy of roles, and what it does to a query and to a route."""
