"""The web console over the published snapshot: pages, panels, downloads, sign-in.

What belongs here: what a person sees and does in a browser, and who may. What does not: what the
figures mean (dbt models) and decisions (`orchestration.ledger`). Imports orchestration.reading,
warehouse, ledger, settings and core; only the command line imports it.
"""
