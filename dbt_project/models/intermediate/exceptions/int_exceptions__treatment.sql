-- Grain: one row per amended order line whose schedule comes to the right total and follows no treatment that it may have,
-- and per amendment with a treatment that nobody knows.
-- Trap: where the amendment records a treatment, only that one is right; where none is recorded, any is.

with matched_lines as (
    select
        match_groups.match_id,
        match_groups.anchor_key,
        match_groups.tenant,
        match_groups.recon_key,
        match_groups.currency_code,
        match_groups.expected_amount,
        match_groups.matched_amount,
        match_groups.last_known_at,
        match_groups.due_at,
        order_lines.line_key,
        order_lines.canonical_line_no,
        order_lines.sku,
        order_lines.exponent
    from {{ ref('int_match_groups') }} as match_groups
    inner join {{ ref('int_order_lines__billable') }} as order_lines
        on match_groups.anchor_key = order_lines.line_key
    where match_groups.leg_code = 'revenue'
        and match_groups.status_code = 'matched'
        and match_groups.evidence_count > 0
        and order_lines.is_amended
),

all_pieces as (
    select * from {{ ref('int_revenue_pieces') }}
),

pieces as (
    select
        all_pieces.*,
        matched_lines.match_id
    from all_pieces
    inner join matched_lines
        on all_pieces.line_key = matched_lines.line_key
    where all_pieces.treatment_code is not null
),

day_counts as (
    -- distinct: a convention is named by several rules
    select distinct day_count_code from {{ ref('treatment_rules') }}
    union
    select 'MONTHS' as day_count_code
),

treatments as (
    -- distinct: a treatment is named by several rules; separate and prospective begin on the same day
    select distinct case when treatment_code = 'separate' then 'prospective' else treatment_code end as treatment_code
    from {{ ref('treatment_rules') }}
    union
    select 'catch_up' as treatment_code
),

readings as (
    select
        treatments.treatment_code as supposed_code,
        day_counts.day_count_code as basis_code
    from treatments
    cross join day_counts
),

months as (
    select
        cast({{ dbt.date_trunc('month', 'date_on') }} as date) as month_on,
        max(date_on) as last_on
    from {{ ref('int_business_days') }}
    where calendar_code = 'WEEKDAYS'
    group by cast({{ dbt.date_trunc('month', 'date_on') }} as date)
),

pieces_read as (
    select
        pieces.*,
        readings.supposed_code,
        readings.basis_code,
        case
            when pieces.is_recorded then pieces.treatment_code
            when not pieces.is_amendment then 'prospective'
            else readings.supposed_code
        end as read_as
    from pieces
    cross join readings
    where pieces.spread_basis_code is null
        or pieces.spread_basis_code = readings.basis_code
),

earned_by_then as (
    select
        pieces_read.match_id,
        pieces_read.line_key,
        pieces_read.document_ref,
        pieces_read.document_line_no,
        pieces_read.part_code,
        pieces_read.supposed_code,
        pieces_read.basis_code,
        months.month_on,
        {{ earned_by('pieces_read', 'pieces_read.read_as', 'pieces_read.basis_code', 'months.month_on', 'months.last_on') }}
            as amount_by_then
    from pieces_read
    inner join months
        on pieces_read.line_end_on >= months.month_on
        and pieces_read.line_start_on <= months.last_on
),

earned as (
    select
        match_id,
        supposed_code,
        basis_code,
        month_on,
        {{ money("""
            amount_by_then - coalesce(
                lag(amount_by_then) over (
                    partition by line_key, document_ref, document_line_no, part_code, supposed_code, basis_code
                    order by month_on nulls last
                ),
                0
            )
        """) }} as earned_amount
    from earned_by_then
),

scheduled as (
    select
        matched_lines.match_id,
        readings.supposed_code,
        readings.basis_code,
        cast(schedules.period_code || '-01' as date) as month_on,
        schedules.revenue_amount
    from {{ ref('int_revenue_rows__placed') }} as schedules
    inner join matched_lines
        on schedules.line_key = matched_lines.line_key
    cross join readings
),

both_sides as (
    select
        match_id,
        supposed_code,
        basis_code,
        month_on,
        earned_amount as due_amount,
        {{ money('0') }} as scheduled_amount
    from earned
    union all
    select
        match_id,
        supposed_code,
        basis_code,
        month_on,
        {{ money('0') }} as due_amount,
        revenue_amount as scheduled_amount
    from scheduled
),

months_compared as (
    select
        match_id,
        supposed_code,
        basis_code,
        month_on,
        {{ money('sum(scheduled_amount) - sum(due_amount)') }} as difference_amount
    from both_sides
    group by match_id, supposed_code, basis_code, month_on
),

readings_compared as (
    select
        match_id,
        supposed_code,
        basis_code,
        count(*) as month_count,
        {{ money('sum(case when difference_amount > 0 then difference_amount else 0 end)') }} as moved_amount
    from months_compared
    group by match_id, supposed_code, basis_code
),

pieces_counted as (
    select
        match_id,
        count(distinct document_ref || '|' || document_line_no || '|' || part_code) as piece_count,
        max(case when is_recorded and treatment_code = 'catch_up' then 1 else 0 end) as records_catch_up,
        max(document_ref) as document_ref
    from pieces
    group by match_id
),

ranked as (
    select
        readings_compared.*,
        row_number() over (
            partition by match_id
            order by moved_amount asc nulls last, supposed_code desc nulls last, basis_code asc nulls last
        ) as fit_rank
    from readings_compared
),

moved as (
    select
        matched_lines.*,
        ranked.moved_amount,
        case
            when pieces_counted.records_catch_up = 1 or ranked.supposed_code = 'catch_up' then 'REV_CATCHUP'
            else 'REV_PERIOD'
        end as exception_code
    from ranked
    inner join pieces_counted
        on ranked.match_id = pieces_counted.match_id
    inner join matched_lines
        on ranked.match_id = matched_lines.match_id
    where ranked.fit_rank = 1
        -- Each piece and the schedule are rounded once a month.
        and ranked.moved_amount
        > ranked.month_count * (pieces_counted.piece_count + 1) * {{ half_minor_unit('matched_lines.exponent') }}
),

orders as (
    select
        recon_key,
        order_id,
        tenant,
        source_system,
        currency_code
    from {{ ref('int_orders') }}
),

untreated as (
    select
        recon_key,
        document_ref,
        recorded_code,
        min(line_key) as line_key,
        min(_observed_at) as known_at
    from all_pieces
    where treatment_code is null
    group by recon_key, document_ref, recorded_code
),

found as (
    select
        moved.exception_code,
        'revenue' as leg_code,
        moved.tenant,
        moved.recon_key,
        moved.line_key,
        moved.anchor_key || ' ' || moved.currency_code as fact_key,
        orders.order_id as native_ref,
        orders.source_system,
        moved.match_id,
        moved.currency_code,
        {{ amount_text('moved.moved_amount') }} || ' ' || moved.currency_code || ' of line ' || moved.canonical_line_no
        || ' (' || moved.sku || ') is scheduled in other months than '
        || case moved.exception_code
            when 'REV_CATCHUP' then 'the catch-up of its amendment gives; the total is right.'
            else 'its service and amendments give; the total is right.'
        end as explanation,
        moved.moved_amount as leak_amount,
        moved.expected_amount as expected_value_amount,
        moved.matched_amount as actual_value_amount,
        coalesce(moved.last_known_at, moved.due_at) as opened_at
    from moved
    inner join orders
        on moved.recon_key = orders.recon_key
    union all
    select
        'AMD_TREATMENT_UNSET' as exception_code,
        'revenue' as leg_code,
        orders.tenant,
        untreated.recon_key,
        untreated.line_key,
        untreated.document_ref as fact_key,
        untreated.document_ref as native_ref,
        orders.source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,
        orders.currency_code,
        'Amendment ' || untreated.document_ref || ' records '
        || case when untreated.recorded_code = '' then 'no treatment, and no rule gives one'
            else 'the treatment ' || untreated.recorded_code || ', which nobody knows'
        end || ': its revenue cannot be scheduled.' as explanation,
        {{ money('0') }} as leak_amount,
        {{ money('0') }} as expected_value_amount,
        {{ money('0') }} as actual_value_amount,
        untreated.known_at as opened_at
    from untreated
    inner join orders
        on untreated.recon_key = orders.recon_key
),

final as (
    select
        ---------- keys
        exception_code,
        leg_code,
        tenant,
        recon_key,
        line_key,
        fact_key,
        native_ref,
        source_system,
        match_id,

        ---------- strings
        currency_code,
        explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        leak_amount,
        expected_value_amount,
        actual_value_amount,

        ---------- timestamps
        opened_at
    from found
)

select * from final
