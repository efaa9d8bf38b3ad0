-- Grain: one row per line of an order document that earns over time: what it adds to the revenue of its line, and how.
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

final as (
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
    where earned_amount <> 0
)

select * from final
