-- Grain: one row per line of an order document that earns over time: what it adds to the revenue of its line, and how.
-- Where an amendment moved the end of the service, one per part_code and convention of days (spread_basis_code; else null).
-- Trap: an amendment without a recorded treatment has the one of the rule; is_recorded tells them apart. A treatment that
-- nobody knows is null here and an exception there.

with billable as (
    select * from {{ ref('int_order_lines__billable') }}
    where not is_test
        and not is_gift_card
        and status_code in ('confirmed', 'closed')
        and service_start_on <= service_end_on
),

contributed as (
    select * from {{ ref('int_order_lines__contributed') }}
),

documents as (
    select
        _row_key,
        modification_type
    from {{ ref('int_orders__latest') }}
    where modification_type is not null
),

order_documents as (
    select
        recon_key,
        order_ref,
        min(_row_key) as _row_key
    from {{ ref('int_order_documents') }}
    where is_amendment
        and recon_key is not null
    group by recon_key, order_ref
),

treatments_recorded as (
    select
        order_documents.recon_key,
        order_documents.order_ref as document_ref,
        documents.modification_type
    from order_documents
    inner join documents
        on order_documents._row_key = documents._row_key
),

treatment_rules as (
    select * from {{ ref('treatment_rules') }}
),

changed_lines as (
    select
        contributed.line_key,
        contributed.recon_key,
        contributed.document_ref,
        contributed.line_no as document_line_no,
        billable.exponent,
        case
            when not contributed.is_amendment then 'none'
            when contributed.reading_code = 'NEW_STRETCH' then 'term'
            when contributed.changed_quantity < 0 and contributed.level_after_quantity <= 0 then 'cancel'
            when contributed.changed_quantity <> 0 then 'quantity'
            else 'price'
        end as change_code,
        case
            when billable.is_tax_included
            then {{ rounded_to('(contributed.net_amount - contributed.tax_amount)', 'billable.exponent') }}
            else contributed.net_amount
        end as earned_amount,
        contributed.effective_on,
        contributed.is_amendment and (contributed.reading_code = 'NEW_STRETCH' or contributed.changed_quantity = 0)
            as may_move_end,
        case
            when contributed.is_amendment
            then greatest(coalesce(contributed.service_start_on, contributed.effective_on), contributed.effective_on)
            else coalesce(contributed.service_start_on, billable.service_start_on)
        end as start_on,
        coalesce(contributed.service_end_on, billable.service_end_on) as end_on,
        billable.service_start_on as line_start_on,
        billable.service_end_on as line_end_on,
        billable.ordered_on,
        contributed.is_amendment,
        contributed._observed_at
    from contributed
    inner join billable
        on contributed.line_key = billable.line_key
),

unchanged_lines as (
    select
        line_key,
        recon_key,
        '' as document_ref,
        '' as document_line_no,
        exponent,
        'none' as change_code,
        case when is_tax_included then {{ money('net_amount - tax_amount') }} else net_amount end as earned_amount,
        service_start_on as effective_on,
        false as may_move_end,
        service_start_on as start_on,
        service_end_on as end_on,
        service_start_on as line_start_on,
        service_end_on as line_end_on,
        ordered_on,
        false as is_amendment,
        cast(null as timestamp) as _observed_at
    from billable
    where not is_amended
),

pieces as (
    select * from changed_lines
    union all
    select * from unchanged_lines
),

treated as (
    select
        pieces.*,
        treatment_rules.rule_id,
        treatment_rules.rule_version,
        treatment_rules.day_count_code,
        treatments_recorded.modification_type,
        case
            when treatments_recorded.modification_type is null then treatment_rules.treatment_code
            when treatments_recorded.modification_type in ('separate', 'prospective', 'catch_up')
            then treatments_recorded.modification_type
        end as treatment_code
    from pieces
    left join treatments_recorded
        on pieces.recon_key = treatments_recorded.recon_key
        and pieces.document_ref = treatments_recorded.document_ref
    left join treatment_rules
        on pieces.change_code = treatment_rules.change_code
        and pieces.ordered_on >= treatment_rules.effective_from
        and pieces.ordered_on < coalesce(treatment_rules.effective_to, {{ end_of_time() }})
),

shaped as (
    select
        ---------- keys
        line_key,
        recon_key,
        document_ref,
        document_line_no,
        rule_id,
        rule_version,

        ---------- strings
        change_code,
        treatment_code,
        coalesce(modification_type, '') as recorded_code,
        coalesce(day_count_code, 'DAYS') as day_count_code,

        ---------- numerics
        earned_amount,
        exponent,

        ---------- booleans
        is_amendment,
        modification_type is not null as is_recorded,
        may_move_end,

        ---------- dates
        effective_on,
        -- A change that takes effect after the service is over is earned on its last day.
        least(start_on, end_on) as start_on,
        end_on,
        least(line_start_on, start_on) as line_start_on,
        line_end_on,

        ---------- provenance
        _observed_at
    from treated
),

base_ends as (
    select
        line_key,
        max(end_on) as end_on
    from shaped
    where not is_amendment
    group by line_key
),

-- An amendment that gives the service another end and records how: what is left of the line is spread anew. Only where
-- it is the one such amendment of its line; nobody has said what a second one would spread.
moves as (
    select
        shaped.line_key,
        min(shaped.document_ref) as document_ref,
        min(shaped.treatment_code) as treatment_code,
        min(shaped.effective_on) as moved_on,
        min(shaped.end_on) as moved_end_on
    from shaped
    inner join base_ends
        on shaped.line_key = base_ends.line_key
    where shaped.may_move_end
        and shaped.is_recorded
        and shaped.treatment_code in ('prospective', 'catch_up')
        and shaped.end_on <> base_ends.end_on
        and shaped.end_on >= shaped.effective_on
        and base_ends.end_on >= shaped.effective_on
    group by shaped.line_key
    having count(*) = 1
),

day_counts as (
    -- union, not union all: a convention is named by several rules
    select day_count_code as basis_code from {{ ref('treatment_rules') }}
    union
    select 'MONTHS' as basis_code
),

moves_by_basis as (
    select
        moves.*,
        day_counts.basis_code,
        -- Under equal months the month of the change is the first of the new stretch.
        case
            when day_counts.basis_code = 'MONTHS' then cast({{ dbt.date_trunc('month', 'moves.moved_on') }} as date)
            else moves.moved_on
        end as anew_on
    from moves
    cross join day_counts
),

with_moves as (
    select
        shaped.*,
        moves_by_basis.basis_code,
        moves_by_basis.moved_on,
        moves_by_basis.moved_end_on,
        moves_by_basis.treatment_code as moving_code,
        moves_by_basis.anew_on,
        coalesce(moves_by_basis.document_ref = shaped.document_ref, false) as is_move
    from shaped
    left join moves_by_basis
        on shaped.line_key = moves_by_basis.line_key
),

with_stops as (
    select
        *,
        coalesce(not is_move and effective_on <= moved_on and end_on <> moved_end_on, false) as is_spread_anew,
        cast({{ dbt.dateadd('day', -1, 'anew_on') }} as date) as stop_on
    from with_moves
),

with_amounts_before as (
    select
        with_stops.*,
        case
            when is_spread_anew
            then {{ earned_by('with_stops', 'treatment_code', 'basis_code', 'stop_on', 'stop_on') }}
            else {{ money('0') }}
        end as before_amount
    from with_stops
),

-- A catch-up measures anew what was earned since the beginning: what was earned before is taken back in its month.
parts as (
    select
        *,
        case when is_spread_anew then 'before' else 'whole' end as part_code
    from with_amounts_before
    union all
    select
        *,
        'anew' as part_code
    from with_amounts_before
    where is_spread_anew
    union all
    select
        *,
        'undone' as part_code
    from with_amounts_before
    where is_spread_anew
        and moving_code = 'catch_up'
),

final as (
    select
        ---------- keys
        line_key,
        recon_key,
        document_ref,
        document_line_no,
        part_code,
        rule_id,
        rule_version,

        ---------- strings
        change_code,
        case part_code when 'anew' then moving_code when 'undone' then 'prospective' else treatment_code end as treatment_code,
        recorded_code,
        day_count_code,
        basis_code as spread_basis_code,

        ---------- numerics
        case
            when part_code = 'undone' then {{ money('-before_amount') }}
            when part_code = 'anew' and moving_code = 'prospective' then {{ money('earned_amount - before_amount') }}
            else earned_amount
        end as earned_amount,
        exponent,

        ---------- booleans
        is_amendment,
        -- What a recorded treatment has moved is read by nothing else.
        is_recorded or part_code in ('anew', 'undone') as is_recorded,

        ---------- dates
        case when part_code in ('anew', 'undone') then moved_on else effective_on end as effective_on,
        case when is_move or part_code in ('anew', 'undone') then anew_on else start_on end as start_on,
        case part_code when 'anew' then moved_end_on when 'undone' then anew_on else end_on end as end_on,
        case when part_code = 'before' then stop_on end as stop_on,
        line_start_on,
        case
            when is_move or part_code = 'anew' then moved_end_on
            when part_code = 'before' then greatest(line_end_on, moved_end_on)
            else line_end_on
        end as line_end_on,

        ---------- provenance
        _observed_at
    from parts
    where earned_amount <> 0
)

select * from final
