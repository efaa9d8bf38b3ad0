"""Extracts of scenarios that need thousands of rows, written by rule instead of kept as files.

What belongs here: one function a case, returning header and rows of each stream. What does not:
small extracts, which are CSV files in the case's folder. Only tests import this.
"""

from collections.abc import Callable, Iterator, Mapping

Rows = Iterator[tuple[object, ...]]
Extract = tuple[str, Rows]


def _thousand_short_orders() -> Mapping[str, Extract]:
    """E08: one customer, 1,000 orders of 100.00, each paid 0.49 short."""
    numbers = range(1, 1001)
    return {
        "orders": (
            "order_id,order_type,customer_id,currency,ordered_at,total_amount",
            (
                (f"O-{n:04}", "commerce", "C-1", "USD", "2026-09-01T08:00:00Z", "100.00")
                for n in numbers
            ),
        ),
        "payments": (
            "payment_id,kind,order_ref,amount,currency,occurred_at",
            (
                (f"P-{n:04}", "capture", f"O-{n:04}", "99.51", "USD", "2026-09-02T09:00:00Z")
                for n in numbers
            ),
        ),
    }


def _commissions_rounded_to_even() -> Mapping[str, Extract]:
    """E10: 10,000 sales of 0.30; the 0.045 of commission is stated as 0.04 each time."""
    numbers = range(1, 10001)
    return {
        "sellers": ("seller_id,commission_rate", iter([("S-1", "0.15")])),
        "orders": (
            "order_id,order_type,customer_id,currency,ordered_at,total_amount",
            (
                (f"O-{n:05}", "marketplace", f"C-{n:05}", "EUR", "2026-09-01T08:00:00Z", "0.30")
                for n in numbers
            ),
        ),
        "order_lines": (
            "order_id,line_no,sku,seller_id,quantity,unit_price",
            ((f"O-{n:05}", 1, "STICKER", "S-1", 1, "0.30") for n in numbers),
        ),
        "seller_statements": (
            "statement_id,seller_id,order_ref,gross_amount,commission_amount,net_amount,currency,paid_at",
            (
                ("ST-1", "S-1", f"O-{n:05}", "0.30", "0.04", "0.26", "EUR", "2026-09-10T08:00:00Z")
                for n in numbers
            ),
        ),
    }


def _one_payout_of_many_lines() -> Mapping[str, Extract]:
    """E29: one payout of 12,480 sales of 10.00, each less a fee of 0.30."""
    numbers = range(1, 12481)
    return {
        "settlement_batches": (
            "batch_id,provider,currency,closed_at,net_amount,payout_on,trace_id,status",
            iter(
                [
                    (
                        "PO-29",
                        "psp",
                        "EUR",
                        "2026-09-01T22:00:00Z",
                        "121056.00",
                        "2026-09-03",
                        "TRC-29",
                        "paid",
                    )
                ]
            ),
        ),
        "settlement_lines": (
            "batch_id,line_no,type,payment_ref,gross_amount,fee_amount,net_amount,currency,posted_at",
            (
                (
                    "PO-29",
                    n,
                    "payment",
                    f"P-{n:05}",
                    "10.00",
                    "0.30",
                    "9.70",
                    "EUR",
                    "2026-09-01T12:00:00Z",
                )
                for n in numbers
            ),
        ),
        "payments": (
            "payment_id,kind,order_ref,amount,currency,occurred_at,method",
            (
                (
                    f"P-{n:05}",
                    "capture",
                    f"O-{n:05}",
                    "10.00",
                    "EUR",
                    "2026-09-01T09:00:00Z",
                    "card",
                )
                for n in numbers
            ),
        ),
        "orders": (
            "order_id,order_type,customer_id,currency,ordered_at,total_amount",
            (
                (f"O-{n:05}", "commerce", f"C-{n:05}", "EUR", "2026-09-01T08:00:00Z", "10.00")
                for n in numbers
            ),
        ),
        "bank_lines": (
            "account_id,line_id,value_on,amount,currency,reference",
            iter([("A-1", "B-1", "2026-09-03", "121056.00", "EUR", "PAYOUT TRC-29")]),
        ),
    }


def _invoices_of_a_failed_job() -> Mapping[str, Extract]:
    """E133: 5,100 orders of one day; the invoices of 5,000 of them were never written."""
    numbers = range(1, 5101)
    return {
        "orders": (
            "order_id,order_type,customer_id,currency,ordered_at,total_amount",
            (
                (
                    f"O-{n:04}",
                    "commerce",
                    f"C-{n:04}",
                    "USD",
                    f"2026-09-0{1 if n > 5000 else 2}T08:00:00Z",
                    "40.00",
                )
                for n in numbers
            ),
        ),
        "order_lines": (
            "order_id,line_no,sku,quantity,unit_price",
            ((f"O-{n:04}", 1, "CUP", 4, "10.00") for n in numbers),
        ),
        "invoices": (
            "invoice_id,order_ref,currency,issued_at,status,kind,total_amount",
            (
                (
                    f"I-{n:04}",
                    f"O-{n:04}",
                    "USD",
                    "2026-09-01T12:00:00Z",
                    "open",
                    "invoice",
                    "40.00",
                )
                for n in numbers
                if n > 5000
            ),
        ),
        "invoice_lines": (
            "invoice_id,line_no,order_line_no,quantity,unit_price,net_amount",
            ((f"I-{n:04}", 1, 1, 4, "10.00", "40.00") for n in numbers if n > 5000),
        ),
    }


MANY: Mapping[str, Callable[[], Mapping[str, Extract]]] = {
    "E08": _thousand_short_orders,
    "E10": _commissions_rounded_to_even,
    "E29": _one_payout_of_many_lines,
    "E133": _invoices_of_a_failed_job,
}
