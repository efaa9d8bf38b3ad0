-- Grain: one row per payout or direct payment that a bank account must show.
-- Trap: items that one bank line names together share an anchor; a failed payout is here, at 0, only where the bank
-- shows it come and go.

with items as (
    select * from {{ ref('int_bank_items') }}
),

anchors as (
    select * from {{ ref('int_bank_anchors') }}
    where side_code = 'expected'
),

final as (
    select
        ---------- keys
        'bank' as leg_code,
        coalesce(anchors.anchor_key, items.item_key) as anchor_key,
        items.recon_key,
        cast(null as {{ dbt.type_string() }}) as line_key,
        cast(null as {{ dbt.type_string() }}) as seller_id,
        cast(null as {{ dbt.type_string() }}) as period_code,
        items.tenant,
        items.source,
        items.source_system,
        items.native_id,

        ---------- strings
        items.currency_code,
        items.explained_class,

        ---------- numerics
        items.expected_amount,
        {{ quantity('0') }} as expected_quantity,
        cast(null as decimal(18, 4)) as ceiling_amount,
        coalesce(items.explained_amount, items.expected_amount) as explained_amount,
        cast(0 as bigint) as rounding_count,

        ---------- dates
        items.business_on,

        ---------- timestamps
        items.due_at
    from items
    left join anchors
        on items.item_key = anchors.member_key
    where items.is_due_alone
        or anchors.member_key is not null
)

select * from final
