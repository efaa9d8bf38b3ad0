-- Grain: one row per payment group that disagrees: one group gives one class, the first that holds.
-- Trap: a group whose money came in another currency is told by that money, not as missing too.

with match_groups as (
    select * from {{ ref('int_match_groups') }}
    where leg_code = 'payment'
        and status_code = 'exception'
),

evidence as (
    select * from {{ ref('int_evidence') }}
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

-- Two receipts of one amount, and the surplus is that amount: one of them was taken twice.
repeated_receipts as (
    select
        evidence.anchor_key,
        evidence.currency_code,
        evidence.actual_amount
    from evidence
    inner join match_groups
        on evidence.anchor_key = match_groups.anchor_key
        and evidence.currency_code = match_groups.currency_code
        and evidence.actual_amount = match_groups.variance_amount
    group by evidence.anchor_key, evidence.currency_code, evidence.actual_amount
    having count(*) > 1
),

foreign_receipts as (
    -- distinct: an order may have several receipts in other currencies
    select distinct match_groups.recon_key
    from match_groups
    where match_groups.expectation_count = 0
        and match_groups.evidence_count > 0
),

classified as (
    select
        match_groups.*,
        orders.order_id,
        orders.source_system,
        orders.has_total,
        orders.currency_code as order_currency_code,
        case
            when match_groups.returned_amount > match_groups.received_amount then 'PAY_REFUND_EXCEEDS'
            when match_groups.is_cancelled then 'PAY_REFUND_MISSING'
            when match_groups.expectation_count = 0 then 'PAY_UNAPPLIED'
            when repeated_receipts.anchor_key is not null then 'PAY_DUPLICATE'
            when match_groups.evidence_count = 0 then 'PAY_MISSING'
            when match_groups.variance_amount < 0 then 'PAY_SHORT'
            else 'PAY_OVER'
        end as exception_code
    from match_groups
    inner join orders
        on match_groups.recon_key = orders.recon_key
    left join repeated_receipts
        on match_groups.anchor_key = repeated_receipts.anchor_key
        and match_groups.currency_code = repeated_receipts.currency_code
    left join foreign_receipts
        on match_groups.recon_key = foreign_receipts.recon_key
    where not (match_groups.evidence_count = 0 and foreign_receipts.recon_key is not null)
),

final as (
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
            when 'PAY_REFUND_EXCEEDS' then
                'Refunds of ' || {{ amount_text('returned_amount') }} || ' ' || currency_code
                || ' exceed the ' || {{ amount_text('received_amount') }} || ' that was received.'
            when 'PAY_REFUND_MISSING' then
                'The order is cancelled, but ' || {{ amount_text('matched_amount') }} || ' ' || currency_code
                || ' of the customer was not returned.'
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
                'Received ' || {{ amount_text('matched_amount') }} || ' of ' || {{ amount_text('expected_amount') }}
                || ' ' || currency_code || ': ' || {{ amount_text('open_amount') }} || ' is missing'
                || case when returned_amount > 0
                    then ' after refunds of ' || {{ amount_text('returned_amount') }} || '.' else '.'
                end
            else
                'Received ' || {{ amount_text('matched_amount') }} || ' for ' || {{ amount_text('expected_amount') }}
                || ' ' || currency_code || ': ' || {{ amount_text('variance_amount') }} || ' too much'
                || case when instalment_count > 1
                    then ' (paid in ' || cast(instalment_count as {{ dbt.type_string() }}) || ' instalments).'
                    else ' and no instalments that would explain it.'
                end
        end as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        case exception_code
            when 'PAY_REFUND_EXCEEDS' then {{ money('returned_amount - received_amount') }}
            when 'PAY_REFUND_MISSING' then matched_amount
            when 'PAY_UNAPPLIED' then matched_amount
            else {{ money('abs(variance_amount)') }}
        end as leak_amount,
        expected_amount as expected_value_amount,
        matched_amount as actual_value_amount,

        ---------- timestamps
        case when exception_code in ('PAY_MISSING', 'PAY_SHORT') then coalesce(due_at, last_known_at)
            else coalesce(last_known_at, due_at)
        end as opened_at
    from classified
)

select * from final
