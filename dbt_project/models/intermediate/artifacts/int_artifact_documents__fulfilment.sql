-- Grain: one row per order version that changes which goods are to be sent.
-- Trap: quantities are changes against the version before; a negative one takes goods off that were asked for.

with lines as (
    select * from {{ ref('int_artifact_lines') }}
    where is_shipped_good
        and quantity <> 0
),

line_texts as (
    select
        recon_key,
        version_no,
        canonical_line_no,
        net_amount,
        {{ json_document({
            'line_no': 'canonical_line_no',
            'quantity': quantity_text('quantity'),
            'sku': 'sku',
        }) }} as line_text
    from lines
),

documents as (
    select
        recon_key,
        version_no,
        {{ money('sum(net_amount)') }} as document_amount,
        {{ json_rows('line_text', 'canonical_line_no') }} as line_texts
    from line_texts
    group by recon_key, version_no
),

final as (
    select
        ---------- keys
        documents.recon_key,
        documents.version_no,
        'fulfilment/' || orders.recon_key || '/' || cast(documents.version_no as {{ dbt.type_string() }}) as natural_key,

        ---------- strings
        'fulfilment_order' as artifact_kind,
        orders.currency_code,
        {{ json_document(
            {
                'customer_id': 'orders.customer_id',
                'document_no': "'FO-' || orders.order_id || '-' || cast(documents.version_no as " ~ dbt.type_string() ~ ")",
                'order_id': 'orders.order_id',
                'recon_key': 'orders.recon_key',
            },
            {
                'lines': 'documents.line_texts',
                'order_version': "cast(documents.version_no as " ~ dbt.type_string() ~ ")",
            },
        ) }} as payload,

        ---------- numerics
        documents.document_amount as artifact_amount,

        ---------- booleans
        false as is_provisional
    from documents
    inner join {{ ref('int_orders') }} as orders
        on documents.recon_key = orders.recon_key
)

select * from final
