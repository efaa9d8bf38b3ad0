-- Grain: one row per group of the billing-plan leg that disagrees; one row per order where periods or lines are wrong
-- and their sum is right.
-- Trap: an invoice that follows a wrong plan agrees with the plan: the mistake is told here, once.

with match_groups as (
    select * from {{ ref('int_match_groups') }}
    where leg_code = 'billing_plan'
        and status_code = 'exception'
),

orders as (
    select
        recon_key,
        order_id,
        order_type,
        source_system
    from {{ ref('int_orders') }}
),

shifted as (
    select
        recon_key,
        currency_code,
        min(match_id) as first_match_id,
        {{ money('sum(case when variance_amount > 0 then variance_amount else 0 end)') }} as moved_amount
    from match_groups
    where expectation_count > 0
        and evidence_count > 0
    group by recon_key, currency_code
    having count(*) > 1
        and sum(variance_amount) = 0
),

-- An order of which nothing is planned is one fact, however many lines it has.
unplanned as (
    select
        recon_key,
        min(match_id) as first_match_id,
        {{ money('sum(expected_amount)') }} as unplanned_amount
    from match_groups
    where evidence_count = 0
        and variance_amount < 0
    group by recon_key
),

order_lines as (
    select * from {{ ref('int_order_lines__billable') }}
),

contributed as (
    select * from {{ ref('int_order_lines__contributed') }}
    where is_amendment
        and level_before_quantity > 0
),

plans_summed_to_lines as (
    select
        line_key,
        max(quantity) as planned_quantity,
        max(unit_rate) as planned_rate
    from {{ ref('int_billing_plan_rows__placed') }}
    where line_key is not null
    group by line_key
),

billed_as_new as (
    select
        match_groups.match_id,
        max(contributed.level_after_quantity) as level_quantity,
        max(contributed.changed_quantity) as changed_quantity
    from match_groups
    inner join contributed
        on match_groups.recon_key = contributed.recon_key
    where match_groups.variance_amount = {{ rounded_to(
        'cast(contributed.level_before_quantity * contributed.unit_rate * contributed.price_factor as decimal(38, 12))',
        'contributed.exponent'
    ) }}
    group by match_groups.match_id
),

classified as (
    select
        match_groups.*,
        orders.order_id,
        orders.order_type,
        orders.source_system,
        order_lines.line_key,
        order_lines.canonical_line_no,
        order_lines.sku,
        shifted.moved_amount,
        unplanned.unplanned_amount,
        billed_as_new.level_quantity,
        billed_as_new.changed_quantity,
        case
            when billed_as_new.match_id is not null then 'AMD_DELTA_AS_ABSOLUTE'
            when shifted.recon_key is not null then 'BIL_SCHEDULE'
            when match_groups.evidence_count = 0 and orders.order_type = 'renewal' then 'REN_NOT_BILLED'
            when match_groups.evidence_count = 0 then 'BIL_MISSING'
            when match_groups.expectation_count = 0 then 'BIL_QTY'
            when plans_summed_to_lines.planned_quantity <> order_lines.quantity
                and (
                    plans_summed_to_lines.planned_rate is null
                    or plans_summed_to_lines.planned_rate = order_lines.unit_rate
                )
            then 'BIL_QTY'
            when orders.order_type = 'renewal' then 'REN_PRICE_MISMATCH'
            else 'BIL_PRICE'
        end as exception_code
    from match_groups
    inner join orders
        on match_groups.recon_key = orders.recon_key
    left join order_lines
        on match_groups.anchor_key = order_lines.line_key
    left join plans_summed_to_lines
        on match_groups.anchor_key = plans_summed_to_lines.line_key
    left join billed_as_new
        on match_groups.match_id = billed_as_new.match_id
    left join shifted
        on case
            when match_groups.expectation_count > 0 and match_groups.evidence_count > 0 then match_groups.recon_key
        end = shifted.recon_key
        and match_groups.currency_code = shifted.currency_code
    left join unplanned
        on case
            when match_groups.evidence_count = 0 and match_groups.variance_amount < 0 then match_groups.recon_key
        end = unplanned.recon_key
    where (shifted.recon_key is null or match_groups.match_id = shifted.first_match_id)
        and (unplanned.recon_key is null or match_groups.match_id = unplanned.first_match_id)
),

with_leaks as (
    select
        *,
        case
            when exception_code = 'BIL_SCHEDULE' then moved_amount
            when unplanned_amount is not null then unplanned_amount
            else {{ money('abs(variance_amount)') }}
        end as leak_amount,
        case
            when line_key is null or exception_code in ('BIL_SCHEDULE', 'REN_NOT_BILLED') then 'Order ' || order_id
            else 'Line ' || canonical_line_no || ' (' || sku || ')'
        end as subject
    from classified
),

final as (
    select
        ---------- keys
        exception_code,
        leg_code,
        tenant,
        recon_key,
        coalesce(line_key, '') as line_key,
        anchor_key || ' ' || currency_code as fact_key,
        order_id as native_ref,
        source_system,
        match_id,

        ---------- strings
        currency_code,
        case exception_code
            when 'AMD_DELTA_AS_ABSOLUTE' then
                subject || ': a change of ' || {{ quantity_text('changed_quantity') }} || ' is planned as '
                || {{ quantity_text('level_quantity') }}
                || ', the new total: '
                || {{ amount_text('variance_amount') }}
                || ' '
                || currency_code || ' too much.'
            when 'BIL_SCHEDULE' then
                subject || ': ' || {{ amount_text('moved_amount') }} || ' ' || currency_code
                || ' is planned in other periods than agreed; the total is right.'
            when 'REN_NOT_BILLED' then
                'The renewal ' || order_id || ' of ' || {{ amount_text('leak_amount') }} || ' ' || currency_code
                || ' is neither planned nor invoiced, due on '
                || cast(cast(due_at as date) as {{ dbt.type_string() }})
                || '.'
            when 'BIL_MISSING' then
                subject || ': nothing is planned for billing of ' || {{ amount_text('leak_amount') }} || ' '
                || currency_code || '.'
            else
                subject || ': planned ' || {{ amount_text('matched_amount') }} || ' ' || currency_code || ', agreed '
                || {{ amount_text('expected_amount') }}
                || case exception_code when 'BIL_QTY' then ' (another quantity).' else ' (another price).' end
        end as explanation,
        case
            when exception_code in ('BIL_QTY', 'BIL_PRICE', 'REN_PRICE_MISMATCH')
            then case when variance_amount > 0 then 'owed' else 'loss' end
        end as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        leak_amount,
        expected_amount as expected_value_amount,
        matched_amount as actual_value_amount,

        ---------- timestamps
        case
            when exception_code in ('BIL_MISSING', 'REN_NOT_BILLED') then coalesce(due_at, last_known_at)
            else coalesce(last_known_at, due_at)
        end as opened_at
    from with_leaks
)

select * from final
