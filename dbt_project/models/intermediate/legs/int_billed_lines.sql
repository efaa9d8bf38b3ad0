-- Grain: one row per order line that was billed: what its invoices come to, those set apart left out.
-- Trap: quantity and list price are null where one of the invoice lines lacks them. Provisional lines are counted
-- and not added.

with placed as (
    select
        placed.*,
        apart._row_key is not null as is_apart
    from {{ ref('int_invoice_rows__placed') }} as placed
    left join {{ ref('int_invoice_rows__apart') }} as apart
        on placed.source = apart.source
        and placed.stream = apart.stream
        and placed._row_key = apart._row_key
    where placed.row_kind = 'LINE'
        and placed.line_key is not null
        and (placed.is_live or placed.set_aside_reason = 'PROVISIONAL')
),

summed as (
    select
        line_key,
        min(recon_key) as recon_key,
        cast(sum(case when is_live and not is_apart then 1 else 0 end) as bigint) as row_count,
        cast(sum(case when is_live then 0 else 1 end) as bigint) as provisional_count,
        cast(sum(case when is_live and not is_apart and not is_credit then 1 else 0 end) as bigint) as invoice_count,
        cast(
            sum(case when is_live and not is_apart and not is_credit and quantity is null then 1 else 0 end) as bigint
        ) as unquantified_count,
        cast(
            sum(case when is_live and not is_apart and not is_credit and unit_rate is null then 1 else 0 end) as bigint
        ) as unpriced_count,
        cast(sum(case when is_live and not is_apart and tax_amount is null then 1 else 0 end) as bigint)
            as untaxed_count,
        {{ quantity("""
            sum(case when is_live and not is_apart and not is_credit then coalesce(quantity, 0) else 0 end)
        """) }} as billed_quantity,
        {{ quantity("""
            sum(case when is_live and not is_apart and is_credit then coalesce(-quantity, 0) else 0 end)
        """) }} as credited_quantity,
        cast(
            sum(
                case
                    when is_live and not is_apart and not is_credit
                    then {{ exact_product('quantity', 'unit_rate') }}
                    else 0
                end
            ) as decimal(38, 12)
        ) as list_amount,
        {{ money('sum(case when is_live and not is_apart and not is_credit then net_amount else 0 end)') }}
            as invoiced_amount,
        {{ money('sum(case when is_live and not is_apart and is_credit then -net_amount else 0 end)') }}
            as credited_amount,
        {{ money('sum(case when is_live and not is_apart then coalesce(tax_amount, 0) else 0 end)') }} as tax_amount,
        cast(sum(case when document_ref is null then 0 else 1 end) as bigint) as amendment_row_count,
        cast(sum(case when service_start_on is null then 1 else 0 end) as bigint) as undated_count,
        max(case when is_live and not is_apart and not is_credit then service_end_on end) as billed_through_on,
        min(case when is_live and not is_apart and not is_credit then issued_at end) as first_issued_at,
        max(case when is_live and not is_apart and not is_credit then issued_at end) as last_issued_at,
        max(known_at) as last_known_at
    from placed
    group by line_key
),

final as (
    select
        ---------- keys
        line_key,
        recon_key,

        ---------- numerics
        row_count,
        provisional_count,
        invoice_count,
        untaxed_count,
        amendment_row_count,
        undated_count,
        case when unquantified_count = 0 then billed_quantity end as billed_quantity,
        credited_quantity,
        case when unquantified_count + unpriced_count = 0 then list_amount end as list_amount,
        invoiced_amount,
        credited_amount,
        {{ money('invoiced_amount - credited_amount') }} as net_amount,
        tax_amount,

        ---------- dates
        billed_through_on,

        ---------- timestamps
        first_issued_at,
        last_issued_at,
        last_known_at
    from summed
)

select * from final
