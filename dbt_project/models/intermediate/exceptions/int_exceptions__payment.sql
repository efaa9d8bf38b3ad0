-- Grain: one row per payment group that disagrees: one group gives one class, the first that holds.
-- Trap: a group whose money came in another currency is told by that money, not as missing too. A dispute whose money
-- is still here is told although the group agrees, and so is a payment that gave back more than it had brought.

{#
    What is told of an order that is even: a dispute whose money was not taken yet and that somebody must answer in time,
    and a payment that gave back more than it had brought.
#}
{%- set told_of_even_orders = {
    'pending_disputes': [
        'CB_OPEN',
        'pending_dispute_amount',
        'is disputed; the money is still here until the dispute is decided.',
    ],
    'overdrawn_payments': [
        'PAY_REFUND_EXCEEDS',
        'overdrawn_amount',
        'more was refunded on one payment than it had brought: the rest belongs on the others.',
    ],
} %}

with match_groups as (
    select * from {{ ref('int_match_groups') }}
    where leg_code = 'payment'
        and status_code = 'exception'
),

evidence as (
    select * from {{ ref('int_anchored_evidence') }}
    where leg_code = 'payment'
        and not is_test
),

orders as (
    select
        recon_key,
        order_id,
        source_system,
        currency_code,
        has_total
    from {{ ref('int_orders') }}
),

-- Several receipts of one amount, and the surplus is that amount, or so many times it that fewer of them come to it: what
-- was due once was taken more than once.
repeated_receipts as (
    select
        evidence.anchor_key,
        evidence.currency_code,
        evidence.actual_amount
    from evidence
    inner join match_groups
        on evidence.anchor_key = match_groups.anchor_key
        and evidence.currency_code = match_groups.currency_code
        and evidence.actual_amount <= match_groups.variance_amount
    where evidence.actual_amount > 0
        and mod(match_groups.variance_amount, evidence.actual_amount) = 0
    group by evidence.anchor_key, evidence.currency_code, evidence.actual_amount, match_groups.variance_amount
    having count(*) * evidence.actual_amount > match_groups.variance_amount
),

groups_received_twice as (
    -- distinct: receipts of several amounts may be repeated
    select distinct
        anchor_key,
        currency_code
    from repeated_receipts
),

foreign_receipts as (
    -- distinct: an order may have several receipts in other currencies
    select distinct match_groups.recon_key
    from match_groups
    where match_groups.expectation_count = 0
        and match_groups.evidence_count > 0
),

reversals as (
    select * from {{ ref('int_payment_reversals') }}
),

invoiced_orders as (
    select
        recon_key,
        currency_code,
        credited_amount
    from {{ ref('int_invoiced_orders') }}
    where credited_amount > 0
),

orders_with_returns as (
    select
        recon_key,
        {{ money('sum(returned_amount)') }} as returned_amount
    from {{ ref('int_returned_lines') }}
    group by recon_key
),

-- Shipped after the last authorization had run out, and nothing was captured. What left while one held is unpaid like any
-- other: what is missing is the capture, not the promise.
unpaid_orders as (
    select
        match_groups.tenant,
        match_groups.recon_key,
        match_groups.currency_code,
        orders.order_id
    from match_groups
    inner join orders
        on match_groups.recon_key = orders.recon_key
    where match_groups.evidence_count = 0
),

authorizations_summed_to_orders as (
    select
        unpaid_orders.recon_key,
        unpaid_orders.currency_code,
        max({{ plus_hours('payments.occurred_at', 'authorization_rules.valid_hours') }}) as valid_until
    from unpaid_orders
    inner join {{ ref('int_payments__latest') }} as payments
        on unpaid_orders.tenant = payments.tenant
        and unpaid_orders.order_id = payments.order_ref
        and unpaid_orders.currency_code = payments.currency_code
    inner join {{ ref('authorization_rules') }} as authorization_rules
        on authorization_rules.method_code = '*'
        and cast(payments.occurred_at as date) >= authorization_rules.effective_from
        and cast(payments.occurred_at as date) < coalesce(authorization_rules.effective_to, {{ end_of_time() }})
    where payments.kind_code = 'authorization'
        and coalesce(payments.native_status, 'succeeded') = 'succeeded'
    group by unpaid_orders.recon_key, unpaid_orders.currency_code
),

shipments_summed_to_orders as (
    select
        unpaid_orders.recon_key,
        max(shipped_groups.last_event_at) as last_shipped_at
    from unpaid_orders
    inner join {{ ref('int_match_groups') }} as shipped_groups
        on unpaid_orders.recon_key = shipped_groups.recon_key
        and shipped_groups.leg_code = 'fulfilment'
        and shipped_groups.evidence_count > 0
    group by unpaid_orders.recon_key
),

expired_authorizations as (
    select
        authorizations_summed_to_orders.recon_key,
        authorizations_summed_to_orders.currency_code,
        authorizations_summed_to_orders.valid_until
    from authorizations_summed_to_orders
    inner join shipments_summed_to_orders
        on authorizations_summed_to_orders.recon_key = shipments_summed_to_orders.recon_key
    where shipments_summed_to_orders.last_shipped_at > authorizations_summed_to_orders.valid_until
),

classified as (
    select
        match_groups.*,
        coalesce(reversals.refunded_amount, {{ money('0') }}) as refunded_amount,
        coalesce(reversals.bounced_amount, {{ money('0') }}) as bounced_amount,
        coalesce(reversals.disputed_amount, {{ money('0') }}) as disputed_amount,
        coalesce(reversals.dispute_count, 0) as dispute_count,
        coalesce(invoiced_orders.credited_amount, orders_with_returns.returned_amount, {{ money('0') }})
            as credit_amount,
        expired_authorizations.valid_until,
        orders.order_id,
        orders.source_system,
        orders.has_total,
        orders.currency_code as order_currency_code,
        case
            when match_groups.returned_amount > match_groups.received_amount
                and reversals.refunded_amount > 0
                and reversals.disputed_amount > 0
            then 'PAY_DOUBLE_REVERSAL'
            when match_groups.variance_amount > 0 and reversals.bounced_amount > 0 then 'PAY_REFUND_FAILED'
            when match_groups.returned_amount > match_groups.received_amount then 'PAY_REFUND_EXCEEDS'
            when match_groups.is_cancelled then 'PAY_REFUND_MISSING'
            when match_groups.expectation_count = 0 then 'PAY_UNAPPLIED'
            -- What is over only because of what was given back since was paid once.
            when groups_received_twice.anchor_key is not null
                and match_groups.received_amount > match_groups.expected_amount
                + coalesce(invoiced_orders.credited_amount, orders_with_returns.returned_amount, 0)
            then 'PAY_DUPLICATE'
            when match_groups.evidence_count = 0 and expired_authorizations.recon_key is not null
            then 'PAY_AUTH_EXPIRED_SHIPPED'
            when match_groups.evidence_count = 0 then 'PAY_MISSING'
            when match_groups.variance_amount < 0 and reversals.disputed_amount > 0 then 'CB_OPEN'
            when match_groups.variance_amount < 0
                and match_groups.received_amount >= match_groups.expected_amount
                and reversals.refunded_amount > 0
            then 'CREDIT_NO_RETURN'
            when match_groups.variance_amount < 0 then 'PAY_SHORT'
            when invoiced_orders.credited_amount >= match_groups.variance_amount
                and coalesce(reversals.refunded_amount, 0) = 0
            then 'PAY_REFUND_MISSING'
            when coalesce(invoiced_orders.credited_amount, orders_with_returns.returned_amount, 0)
                >= match_groups.variance_amount
                and reversals.refunded_amount > 0
            then 'PAY_SHORT'
            else 'PAY_OVER'
        end as exception_code
    from match_groups
    inner join orders
        on match_groups.recon_key = orders.recon_key
    left join groups_received_twice
        on match_groups.anchor_key = groups_received_twice.anchor_key
        and match_groups.currency_code = groups_received_twice.currency_code
    left join foreign_receipts
        on match_groups.recon_key = foreign_receipts.recon_key
    left join reversals
        on match_groups.recon_key = reversals.recon_key
        and match_groups.currency_code = reversals.currency_code
    left join invoiced_orders
        on match_groups.recon_key = invoiced_orders.recon_key
        and match_groups.currency_code = invoiced_orders.currency_code
    left join orders_with_returns
        on match_groups.recon_key = orders_with_returns.recon_key
    left join expired_authorizations
        on match_groups.recon_key = expired_authorizations.recon_key
        and match_groups.currency_code = expired_authorizations.currency_code
    where not (match_groups.evidence_count = 0 and foreign_receipts.recon_key is not null)
),

failed_groups as (
    select
        ---------- keys
        exception_code,
        leg_code,
        tenant,
        recon_key,
        '' as line_key,
        currency_code as fact_key,
        order_id as native_ref,
        source_system,
        match_id,

        ---------- strings
        currency_code,
        case exception_code
            when 'PAY_DOUBLE_REVERSAL' then
                'One charge was given back twice: ' || {{ amount_text('refunded_amount') }} || ' refunded and '
                || {{ amount_text('disputed_amount') }} || ' ' || currency_code || ' charged back, of '
                || {{ amount_text('received_amount') }} || ' received.'
            when 'PAY_REFUND_FAILED' then
                'A refund of ' || {{ amount_text('bounced_amount') }} || ' ' || currency_code
                || case
                    when variance_amount < bounced_amount
                    then ' bounced, and ' || {{ amount_text('variance_amount') }} || ' of it was not made again'
                    else ' bounced and was not made again'
                end
                || ': the customer is still owed it.'
            when 'PAY_AUTH_EXPIRED_SHIPPED' then
                'The goods left after the authorization had run out on '
                || cast(cast(valid_until as date) as {{ dbt.type_string() }}) || ', and nothing was captured of the '
                || {{ amount_text('expected_amount') }} || ' ' || currency_code || ' due.'
            when 'CB_OPEN' then
                {{ amount_text('disputed_amount') }} || ' ' || currency_code || ' is disputed in '
                || cast(dispute_count as {{ dbt.type_string() }})
                || case when dispute_count = 1 then ' case' else ' cases' end
                || ' and was taken back: ' || {{ amount_text('matched_amount') }} || ' of '
                || {{ amount_text('expected_amount') }} || ' is left.'
            when 'CREDIT_NO_RETURN' then
                {{ amount_text('refunded_amount') }} || ' ' || currency_code || ' was refunded, but '
                || case
                    when open_amount = refunded_amount then 'nothing was cancelled or credited and no goods came back.'
                    else {{ amount_text('open_amount') }} || ' of it was neither cancelled nor credited nor came back.'
                end
            when 'PAY_REFUND_EXCEEDS' then
                'Refunds of ' || {{ amount_text('returned_amount') }} || ' ' || currency_code
                || ' exceed the ' || {{ amount_text('received_amount') }} || ' that was received.'
            when 'PAY_REFUND_MISSING' then
                case
                    when is_cancelled then 'The order is cancelled, but ' || {{ amount_text('matched_amount') }}
                    else 'A credit was given, but ' || {{ amount_text('variance_amount') }}
                end
                || ' ' || currency_code || ' of the customer was not returned.'
            when 'PAY_UNAPPLIED' then
                {{ amount_text('matched_amount') }} || ' ' || currency_code || ' was received, but '
                || case
                    when order_currency_code <> currency_code
                    then 'the order is due in ' || order_currency_code || '.'
                    when not has_total then 'the order has no lines, so nothing is known to be due.'
                    else 'nothing is due for the order.'
                end
            when 'PAY_DUPLICATE' then
                {{ amount_text('variance_amount') }} || ' ' || currency_code || ' was received twice: due '
                || {{ amount_text('expected_amount') }} || ', received ' || {{ amount_text('matched_amount') }} || '.'
            when 'PAY_MISSING' then
                'Nothing was received of the ' || {{ amount_text('expected_amount') }} || ' ' || currency_code
                || ' due on ' || cast(cast(due_at as date) as {{ dbt.type_string() }}) || '.'
            when 'PAY_SHORT' then
                case
                    when variance_amount > 0
                    then 'The refund is ' || {{ amount_text('variance_amount') }} || ' ' || currency_code
                        || ' short of what is owed back for the goods that came back.'
                    else 'Received ' || {{ amount_text('matched_amount') }} || ' of '
                        || {{ amount_text('expected_amount') }} || ' ' || currency_code || ': '
                        || {{ amount_text('open_amount') }} || ' is missing'
                        || case when returned_amount > 0
                            then ' after refunds of ' || {{ amount_text('returned_amount') }} || '.' else '.'
                        end
                end
            else
                'Received ' || {{ amount_text('matched_amount') }} || ' for ' || {{ amount_text('expected_amount') }}
                || ' ' || currency_code || ': ' || {{ amount_text('variance_amount') }} || ' too much'
                || case when instalment_count > 1
                    then ' (paid in ' || cast(instalment_count as {{ dbt.type_string() }}) || ' instalments).'
                    else ' and no instalments that would explain it.'
                end
        end as explanation,
        -- A refund that is too small is owed to the customer.
        case when exception_code = 'PAY_SHORT' and variance_amount > 0 then 'owed' end as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        case exception_code
            when 'PAY_DOUBLE_REVERSAL' then {{ money('returned_amount - received_amount') }}
            when 'PAY_REFUND_FAILED' then {{ money('least(bounced_amount, variance_amount)') }}
            when 'CB_OPEN' then disputed_amount
            when 'PAY_REFUND_EXCEEDS' then {{ money('returned_amount - received_amount') }}
            when 'PAY_REFUND_MISSING' then case when is_cancelled then matched_amount else variance_amount end
            when 'PAY_UNAPPLIED' then matched_amount
            else {{ money('abs(variance_amount)') }}
        end as leak_amount,
        expected_amount as expected_value_amount,
        matched_amount as actual_value_amount,

        ---------- timestamps
        case
            when exception_code in ('PAY_MISSING', 'PAY_SHORT', 'PAY_AUTH_EXPIRED_SHIPPED')
            then coalesce(due_at, last_known_at)
            else coalesce(last_known_at, due_at)
        end as opened_at
    from classified
),

{% for name, (code, amount, words) in told_of_even_orders.items() -%}
{{ name }} as (
    select
        '{{ code }}' as exception_code,
        all_groups.leg_code,
        all_groups.tenant,
        all_groups.recon_key,
        '' as line_key,
        all_groups.currency_code as fact_key,
        orders.order_id as native_ref,
        orders.source_system,
        all_groups.match_id,
        all_groups.currency_code,
        {{ amount_text('reversals.' ~ amount) }} || ' ' || all_groups.currency_code
        || ' {{ words }}' as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,
        reversals.{{ amount }} as leak_amount,
        all_groups.expected_amount as expected_value_amount,
        all_groups.matched_amount as actual_value_amount,
        reversals.last_reversed_at as opened_at
    from reversals
    inner join {{ ref('int_match_groups') }} as all_groups
        on reversals.recon_key = all_groups.recon_key
        and reversals.currency_code = all_groups.currency_code
        and all_groups.leg_code = 'payment'
    inner join orders
        on reversals.recon_key = orders.recon_key
    where reversals.{{ amount }} > 0
        and all_groups.status_code <> 'exception'
),

{% endfor -%}
final as (
    select * from failed_groups
    union all
    select * from pending_disputes
    union all
    select * from overdrawn_payments
)

select * from final
