-- Grain: one row per payment event that a provider settles or a bank shows, signed from the merchant's side.
-- Trap: an event on a rail that nobody settles (a wallet, a gift card) is here too: a settlement may name it.

with payments as (
    select * from {{ ref('int_payments__latest') }}
),

settlement_kinds as (
    select * from {{ ref('settlement_kinds') }}
),

payment_kinds as (
    select * from {{ ref('payment_kinds') }}
),

payment_statuses as (
    select * from {{ ref('payment_statuses') }}
    where is_evidence
),

payment_rails as (
    select * from {{ ref('payment_rails') }}
),

currency_calendars as (
    select * from {{ ref('int_currency_calendars') }}
),

due_days as (
    select * from {{ ref('int_due_days') }}
),

-- Invoices that name one order, by either of their numbers.
invoice_refs as (
    select
        tenant,
        invoice_id as invoice_ref,
        order_ref
    from {{ ref('int_invoices__latest') }}
    where order_ref is not null
    union all
    select
        tenant,
        invoice_no as invoice_ref,
        order_ref
    from {{ ref('int_invoices__latest') }}
    where order_ref is not null
        and invoice_no is not null
),

orders_of_invoices as (
    select
        tenant,
        invoice_ref,
        min(order_ref) as order_ref
    from invoice_refs
    group by tenant, invoice_ref
    having min(order_ref) = max(order_ref)
),

money_events as (
    select
        payments.source,
        payments.stream,
        payments.tenant,
        payments.source_system,
        payments.source_instance,
        payments.tenant || {{ separator() }} || trim(payments.payment_id) as event_key,
        payments.payment_id,
        payments.customer_id,
        payments.invoice_ref,
        coalesce(payments.order_ref, orders_of_invoices.order_ref) as order_ref,
        payments.kind_code,
        settlement_kinds.line_type_code,
        settlement_kinds.is_expected,
        lower(trim(payments.method_code)) as method_code,
        payments.currency_code,
        {{ money('payments.payment_amount * payment_kinds.cash_sign') }} as event_amount,
        payments.occurred_at as event_at,
        cast(payments.occurred_at as date) as event_on,
        payments._observed_at as known_at,
        payments._row_key
    from payments
    inner join settlement_kinds
        on payments.kind_code = settlement_kinds.kind_code
    inner join payment_kinds
        on payments.kind_code = payment_kinds.kind_code
    inner join payment_statuses
        on coalesce(payments.native_status, 'succeeded') = payment_statuses.status_code
    left join orders_of_invoices
        on case when payments.order_ref is null then payments.tenant end = orders_of_invoices.tenant
        and payments.invoice_ref = orders_of_invoices.invoice_ref
),

{{ resolved_refs('money_events') }},

test_orders as (
    select recon_key from {{ ref('int_orders') }}
    where is_test
),

with_rails as (
    select
        resolved.*,
        coalesce(own_rails.rail_code, other_rails.rail_code) as rail_code,
        coalesce(own_rails.settles_via, other_rails.settles_via) as settles_via,
        coalesce(own_rails.lag_business_days, other_rails.lag_business_days) as lag_business_days,
        coalesce(own_rails.bank_lag_business_days, other_rails.bank_lag_business_days) as bank_lag_business_days,
        coalesce(own_rails.is_charge_deducted, other_rails.is_charge_deducted) as is_charge_deducted,
        test_orders.recon_key is not null as is_test
    from resolved
    left join payment_rails as own_rails
        on resolved.method_code = own_rails.method_code
    left join payment_rails as other_rails
        on other_rails.method_code = '*'
    left join test_orders
        on resolved.recon_key = test_orders.recon_key
),

final as (
    select
        ---------- keys
        with_rails.event_key,
        with_rails.tenant,
        with_rails.payment_id,
        with_rails.recon_key,
        with_rails.order_ref,
        with_rails.invoice_ref,
        with_rails.customer_id,
        with_rails.source,
        with_rails.stream,
        with_rails.source_system,

        ---------- strings
        with_rails.ref_status,
        with_rails.kind_code,
        with_rails.line_type_code,
        with_rails.method_code,
        with_rails.rail_code,
        with_rails.settles_via,
        with_rails.currency_code,

        ---------- numerics
        with_rails.event_amount,

        ---------- booleans
        with_rails.is_expected,
        with_rails.is_charge_deducted,
        with_rails.is_test,

        ---------- dates
        with_rails.event_on,

        ---------- timestamps
        with_rails.event_at,
        {{ end_of_day('coalesce(settlement_days.due_on, with_rails.event_on)') }} as settlement_due_at,
        {{ end_of_day('coalesce(bank_days.due_on, with_rails.event_on)') }} as bank_due_at,
        with_rails.known_at,

        ---------- provenance
        with_rails._row_key
    from with_rails
    left join currency_calendars
        on with_rails.currency_code = currency_calendars.currency_code
    left join due_days as settlement_days
        on currency_calendars.calendar_code = settlement_days.calendar_code
        and with_rails.lag_business_days = settlement_days.lag_business_days
        and with_rails.event_on = settlement_days.from_on
    left join due_days as bank_days
        on currency_calendars.calendar_code = bank_days.calendar_code
        and with_rails.bank_lag_business_days = bank_days.lag_business_days
        and with_rails.event_on = bank_days.from_on
)

select * from final
