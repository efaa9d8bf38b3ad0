-- Grain: one row per line of a bank statement, with the payout or payment that its text names.
-- Trap: anchor_key is null where the text names nothing that is known: what remains so after matching without a key
-- is unknown money, not a damaged key.

with bank_lines as (
    select * from {{ ref('int_bank_lines__latest') }}
),

anchors as (
    select * from {{ ref('int_bank_anchors') }}
    where side_code = 'actual'
),

anchors_of_items as (
    select * from {{ ref('int_bank_anchors') }}
    where side_code = 'expected'
),

recon_keys as (
    select
        coalesce(anchors.anchor_key, items.item_key) as anchor_key,
        min(items.recon_key) as recon_key
    from {{ ref('int_bank_items') }} as items
    left join anchors_of_items as anchors
        on items.item_key = anchors.member_key
    group by coalesce(anchors.anchor_key, items.item_key)
    having min(items.recon_key) = max(items.recon_key)
        and count(items.recon_key) = count(*)
),

final as (
    select
        ---------- keys
        'bank' as leg_code,
        anchors.anchor_key,
        recon_keys.recon_key,
        bank_lines.tenant,
        bank_lines.source,
        bank_lines.stream,
        bank_lines.source_system,
        bank_lines.line_id as native_id,
        bank_lines.account_id as line_no,
        bank_lines.reference_note as order_ref,
        cast(null as {{ dbt.type_string() }}) as seller_id,

        ---------- strings
        case when anchors.anchor_key is null then 'missing' else 'found' end as ref_status,
        'bank_line' as kind_code,
        bank_lines.currency_code,

        ---------- numerics
        bank_lines.bank_amount as actual_amount,
        {{ quantity('0') }} as actual_quantity,
        cast(0 as bigint) as instalment_count,

        ---------- timestamps
        cast(bank_lines.value_on as timestamp) as event_at,
        bank_lines._observed_at as known_at,

        ---------- provenance
        bank_lines._row_key
    from bank_lines
    left join anchors
        on {{ joined_parts(['bank_lines.source', 'bank_lines.stream', row_key_text('bank_lines._row_key')]) }} = anchors.member_key
    left join recon_keys
        on anchors.anchor_key = recon_keys.anchor_key
)

select * from final
