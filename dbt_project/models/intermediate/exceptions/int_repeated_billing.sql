-- Grain: one row per order, kind (TOTAL: a whole invoice, REST: a charge) and amount that stands in its invoices more than
-- once: (recon_key, kind_code, repeated_amount).
-- Trap: repeated is not wrong: a charge may be due several times. Who asks compares with what the order was billed too
-- much. Lines of the order itself are told apart by int_invoice_rows__apart.

with placed as (
    select * from {{ ref('int_invoice_rows__placed') }}
    where is_live
        and recon_key is not null
),

stated as (
    select
        recon_key,
        'TOTAL' as kind_code,
        total_amount as stated_amount
    from placed
    where row_kind = 'DOCUMENT'
        and not is_credit
    union all
    select
        recon_key,
        'REST' as kind_code,
        net_amount as stated_amount
    from placed
    where row_kind = 'LINE'
        and line_key is null
    union all
    -- A charge may stand in the total of an invoice alone.
    select
        recon_key,
        'REST' as kind_code,
        {{ money('total_amount - net_amount - coalesce(tax_amount, 0)') }} as stated_amount
    from placed
    where row_kind = 'DOCUMENT'
        and not is_credit
        and line_count > 0
),

final as (
    select
        ---------- keys
        recon_key,
        kind_code,

        ---------- numerics
        stated_amount as repeated_amount,
        count(*) as repeat_count
    from stated
    where stated_amount > 0
    group by recon_key, kind_code, stated_amount
    having count(*) > 1
)

select * from final
