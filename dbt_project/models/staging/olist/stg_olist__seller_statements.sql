-- Grain: one row per stored version of an order item of Olist, seen as its seller's part of the order.
-- Trap: the source has no payout table: this shows that the parts add up, not that a seller was paid.

with order_lines as (
    select
        order_id,
        line_no,
        seller_id,
        unit_rate,
        shipping_amount,
        updated_at,
        _row_key,
        _row_version,
        _load_seq,
        _line,
        _business_on,
        _is_deleted,
        _observed_at
    from {{ ref('stg_olist__order_lines') }}
),

final as (
    select
        ---------- keys
        'olist' as source,
        'order_items' as stream,
        'main' as tenant,
        'olist' as source_system,
        '' as source_instance,
        order_id || '-' || cast(line_no as {{ dbt.type_string() }}) as statement_id,
        seller_id,
        order_id as order_ref,

        ---------- strings
        'BRL' as currency_code,

        ---------- numerics
        {{ money('unit_rate + shipping_amount') }} as gross_amount,
        {{ money('0') }} as commission_amount,
        {{ money('0') }} as fee_amount,
        {{ money('0') }} as withholding_amount,
        {{ money('unit_rate + shipping_amount') }} as net_amount,

        ---------- timestamps
        cast(null as timestamp) as paid_at,

        ---------- provenance
        updated_at,
        _row_key,
        _row_version,
        _load_seq,
        _line,
        _business_on,
        _is_deleted,
        _observed_at
    from order_lines
)

select * from final
