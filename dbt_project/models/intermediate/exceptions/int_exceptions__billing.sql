-- Grain: one row per group of the invoice leg that disagrees, as far as it is a fact of its own: one group gives one
-- class, the first that holds.
-- Trap: what an order lacks because it was billed to the wrong customer or in the wrong currency is that fact, not a
-- second one; lines whose differences cancel out are one schedule that is wrong.

with components as (
    select
        effects.*,
        billed_after_end.ended_on
    from {{ ref('int_billing_effects') }} as effects
    left join {{ ref('int_lines_billed_after_end') }} as billed_after_end
        on effects.line_key = billed_after_end.line_key
),

classified as (
    select
        *,
        case
            when kind_code = 'CONSOLIDATED' then 'MKT_CONSOLIDATION'
            when is_cancelled and coalesce(is_consolidated, false) then 'MKT_CONSOLIDATION'
            when is_cancelled or (ended_on is not null and variance_amount > 0) then 'CAN_STILL_BILLED'
            when level_quantity is not null then 'AMD_DELTA_AS_ABSOLUTE'
            when kind_code = 'DUPLICATE' or is_repeated then 'BIL_DUPLICATE'
            when kind_code = 'FOREIGN' then 'BIL_CURRENCY'
            when kind_code = 'PARTY' then 'BIL_PARTY'
            when shifted_count is not null then 'BIL_SCHEDULE'
            when backdated_ref is not null then 'AMD_BACKDATED_CATCHUP'
            when evidence_count = 0 and variance_amount < 0 and provisional_count > 0 then 'BIL_PROVISIONAL_STALE'
            when evidence_count = 0 and variance_amount < 0 and order_type = 'renewal' and document_count = 0
            then 'REN_NOT_BILLED'
            when evidence_count = 0 and variance_amount < 0 then 'BIL_MISSING'
            when variance_amount > 0 and is_returned and kind_code <> 'REST' then 'FUL_RETURN_NO_CREDIT'
            when is_counted_otherwise then 'BIL_PRORATION_BASIS'
            -- A reduction that nobody credited: the quantity is the one from before it.
            when evidence_count = 0 and variance_amount > 0 and due_quantity < 0 then 'BIL_QTY'
            when variance_amount < 0 and credited_amount >= -variance_amount then 'CREDIT_NO_RETURN'
            when is_tax_included
                and (
                    abs(variance_amount) <= greatest(coalesce(line_count, 1), 1) * 2 * minor_unit_amount
                    or (
                        kind_code = 'LINE' and billed_net_amount >= ordered_amount and coalesce(quantity_effect, 0) = 0
                        and ordered_tax_amount <> 0
                    )
                )
            then 'TAX_INCLUSIVE_FOOTING'
            when kind_code = 'REST'
            then case
                    when abs(unplaced_amount - charge_amount - variance_amount) > rounding_bound_amount
                        or unplaced_amount = charge_amount
                    then 'TAX_AMOUNT'
                    when charge_amount < 0 and variance_amount > 0 then 'BIL_DISCOUNT'
                    when unplaced_amount = 0 and variance_amount < 0 then 'BIL_MISSING'
                    else 'BIL_PRICE'
                end
            when kind_code = 'TOTAL' and has_document_tax and not is_tax_included
                and abs(document_tax_amount - order_tax_amount - variance_amount) <= rounding_bound_amount
                and document_tax_amount <> order_tax_amount
            then 'TAX_AMOUNT'
            when expectation_count = 0 then 'BIL_QTY'
            when quantity_effect is not null and price_effect is not null
            then case
                    when abs(quantity_effect) >= abs(price_effect) and abs(quantity_effect) >= abs(other_effect)
                    then 'BIL_QTY'
                    when abs(price_effect) >= abs(other_effect) then 'BIL_PRICE'
                    when discount_amount <> 0 or abs(other_effect) > 0 then 'BIL_DISCOUNT'
                    else 'BIL_PRICE'
                end
            when quantity_effect is not null
            then case when abs(quantity_effect) >= abs(other_effect) then 'BIL_QTY' else 'BIL_PRICE' end
            when kind_code = 'TOTAL' and variance_amount > 0 and matched_amount = gross_amount then 'BIL_QTY'
            when discount_amount <> 0 and variance_amount = discount_amount then 'BIL_DISCOUNT'
            when is_whole_pieces then 'BIL_QTY'
            else 'BIL_PRICE'
        end as billing_code
    from components
    where not (is_billed_elsewhere and kind_code in ('TOTAL', 'LINE', 'REST') and variance_amount < 0)
        and (shifted_count is null or match_id = first_match_id)
),

renamed as (
    select
        *,
        case
            when order_type = 'renewal' and billing_code = 'BIL_PRICE' then 'REN_PRICE_MISMATCH'
            -- A consolidated invoice compares order by order: one that asks more or less is wrong about its members.
            when coalesce(is_consolidated, false) and billing_code = 'BIL_PRICE' then 'MKT_CONSOLIDATION'
            else billing_code
        end as exception_code
    from classified
),

with_leaks as (
    select
        *,
        case
            when exception_code = 'BIL_SCHEDULE' then moved_amount
            when exception_code = 'AMD_BACKDATED_CATCHUP' then catch_up_amount
            when exception_code in ('BIL_CURRENCY', 'BIL_PARTY') then {{ money('abs(matched_amount)') }}
            when exception_code = 'CAN_STILL_BILLED' and is_cancelled then {{ money('abs(matched_amount)') }}
            else {{ money('abs(variance_amount)') }}
        end as leak_amount,
        case
            when kind_code = 'CONSOLIDATED' then 'Consolidated invoice'
            when kind_code = 'LINE' and sku is not null then 'Line ' || canonical_line_no || ' (' || sku || ')'
            when kind_code = 'REST' then 'Tax and charges of order ' || order_id
            else 'Order ' || order_id
        end as subject
    from renamed
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
        coalesce(order_id, anchor_key) as native_ref,
        source_system,
        match_id,

        ---------- strings
        currency_code,
        case exception_code
            when 'MKT_CONSOLIDATION' then
                case
                    when kind_code = 'CONSOLIDATED'
                    then 'The consolidated invoice states ' || {{ amount_text('matched_amount') }} || ' ' || currency_code
                        || ', its lines come to ' || {{ amount_text('expected_amount') }} || '.'
                    when not is_cancelled
                    then subject || ' comes to ' || {{ amount_text('expected_amount') }} || ' ' || currency_code
                        || ', a consolidated invoice asks ' || {{ amount_text('matched_amount') }} || ' for it.'
                    else subject || ' is cancelled, but a consolidated invoice still asks '
                        || {{ amount_text('matched_amount') }} || ' ' || currency_code || ' for it.'
                end
            when 'CAN_STILL_BILLED' then
                subject
                || case
                    when is_cancelled then ' is cancelled'
                    else ' ended on ' || cast(ended_on as {{ dbt.type_string() }})
                end
                || ', but ' || {{ amount_text('leak_amount') }} || ' ' || currency_code || ' is still invoiced for it.'
            when 'AMD_DELTA_AS_ABSOLUTE' then
                subject || ': a change of ' || {{ quantity_text('changed_quantity') }} || ' was billed as '
                || {{ quantity_text('level_quantity') }} || ', the new total: ' || {{ amount_text('variance_amount') }} || ' '
                || currency_code || ' too much.'
            when 'AMD_BACKDATED_CATCHUP' then
                subject || ': amendment ' || backdated_ref || ' holds since before it was booked; '
                || {{ amount_text('catch_up_amount') }} || ' ' || currency_code
                || ' of periods that were billed already is still to be billed.'
            when 'BIL_DUPLICATE' then
                subject || ': ' || {{ amount_text('variance_amount') }} || ' ' || currency_code || ' is invoiced twice.'
            when 'BIL_CURRENCY' then
                subject || ' is billed ' || {{ amount_text('matched_amount') }} || ' ' || currency_code
                || ', but was ordered in ' || order_currency_code || '.'
            when 'BIL_PARTY' then
                subject || ' is billed ' || {{ amount_text('matched_amount') }} || ' ' || currency_code
                || ' to another customer than ' || coalesce(customer_id, 'the one who ordered') || '.'
            when 'BIL_SCHEDULE' then
                'Order ' || order_id || ': ' || {{ amount_text('moved_amount') }} || ' ' || currency_code
                || ' is billed in other periods or lines than agreed; the total is right.'
            when 'BIL_PROVISIONAL_STALE' then
                subject || ': everything left, but of ' || {{ amount_text('expected_amount') }} || ' ' || currency_code
                || ' there are only provisional invoices.'
            when 'REN_NOT_BILLED' then
                'The renewal ' || order_id || ' of ' || {{ amount_text('expected_amount') }} || ' ' || currency_code
                || ' is neither planned nor invoiced, due on ' || cast(cast(due_at as date) as {{ dbt.type_string() }}) || '.'
            when 'BIL_MISSING' then
                subject || ': nothing is invoiced of ' || {{ amount_text('expected_amount') }} || ' ' || currency_code
                || ', due on ' || cast(cast(due_at as date) as {{ dbt.type_string() }}) || '.'
            when 'FUL_RETURN_NO_CREDIT' then
                subject || ': goods came back, but ' || {{ amount_text('variance_amount') }} || ' ' || currency_code
                || ' was not credited.'
            when 'CREDIT_NO_RETURN' then
                subject || ': ' || {{ amount_text('-variance_amount') }} || ' ' || currency_code
                || ' was credited, and no return, shortage or cancellation explains it.'
            when 'BIL_PRORATION_BASIS' then
                subject || ': ' || {{ amount_text('abs(variance_amount)') }} || ' ' || currency_code
                || ' comes from another convention of counting days.'
            when 'TAX_INCLUSIVE_FOOTING' then
                subject || ': net and tax come to ' || {{ amount_text('matched_amount') }} || ' ' || currency_code
                || ', the price that includes tax is ' || {{ amount_text('expected_amount') }} || '.'
            when 'TAX_AMOUNT' then
                subject || ': ' || {{ amount_text('matched_amount') }} || ' ' || currency_code || ' is billed, '
                || {{ amount_text('expected_amount') }} || ' follows from the order; the difference of '
                || {{ amount_text('variance_amount') }} || ' is one of tax.'
            else
                subject || ': invoiced ' || {{ amount_text('matched_amount') }} || ' ' || currency_code || ', billable '
                || {{ amount_text('expected_amount') }}
                || case exception_code
                    when 'BIL_QTY' then coalesce(
                            ' (' || {{ quantity_text('billed_quantity') }} || ' instead of ' || {{ quantity_text('due_quantity') }} || ')',
                            ' (another quantity)'
                        )
                    when 'BIL_DISCOUNT' then ' (another discount)'
                    else ' (another price)'
                end || '.'
        end as explanation,
        case
            when exception_code in (
                    'BIL_QTY', 'BIL_PRICE', 'BIL_DISCOUNT', 'BIL_PRORATION_BASIS', 'TAX_AMOUNT', 'TAX_INCLUSIVE_FOOTING',
                    'REN_PRICE_MISMATCH', 'MKT_CONSOLIDATION'
                )
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
            when exception_code in ('BIL_MISSING', 'REN_NOT_BILLED', 'BIL_PROVISIONAL_STALE', 'AMD_BACKDATED_CATCHUP')
            then coalesce(due_at, last_known_at)
            else coalesce(last_known_at, due_at)
        end as opened_at
    from with_leaks
)

select * from final
