-- Grain: one row per order and seller (seller_invoice), and one per seller, month and currency (commission_statement).
-- Trap: a statement has the reconciled orders alone, so it is provisional until its month is over.

with lines as (
    select * from {{ ref('int_order_lines__billable') }}
    where status_code in ('confirmed', 'closed')
        and not is_test
        and not is_cancelled
        and seller_id is not null
),

sellers as (
    select
        tenant,
        seller_id,
        max(commission_rate) as commission_rate
    from {{ ref('int_sellers__latest') }}
    group by tenant, seller_id
),

lines_summed_to_sellers as (
    select
        lines.recon_key,
        lines.seller_id,
        min(lines.tenant) as tenant,
        min(lines.currency_code) as currency_code,
        max(lines.exponent) as exponent,
        {{ money('sum(lines.net_amount)') }} as gross_amount
    from lines
    group by lines.recon_key, lines.seller_id
),

priced as (
    select
        lines_summed_to_sellers.*,
        sellers.commission_rate,
        {{ rounded_to(
            'cast(' ~ wide('lines_summed_to_sellers.gross_amount') ~ ' * sellers.commission_rate as decimal(27, 10))',
            'lines_summed_to_sellers.exponent'
        ) }} as commission_amount
    from lines_summed_to_sellers
    inner join sellers
        on lines_summed_to_sellers.tenant = sellers.tenant
        and lines_summed_to_sellers.seller_id = sellers.seller_id
    where sellers.commission_rate is not null
),

seller_invoices as (
    select
        priced.recon_key,
        orders.version_no,
        orders.tenant,
        'seller/' || orders.recon_key || '/' || priced.seller_id as natural_key,
        'seller_invoice' as artifact_kind,
        priced.currency_code,
        {{ json_document(
            {
                'amount': amount_text('priced.commission_amount'),
                'commission_rate': rate_text('priced.commission_rate'),
                'currency': 'priced.currency_code',
                'document_no': "'SI-' || orders.order_id || '-' || priced.seller_id",
                'gross_amount': amount_text('priced.gross_amount'),
                'order_id': 'orders.order_id',
                'recon_key': 'orders.recon_key',
                'seller_id': 'priced.seller_id',
            },
            {'order_version': "cast(orders.version_no as " ~ dbt.type_string() ~ ")"},
        ) }} as payload,
        priced.commission_amount as artifact_amount,
        false as is_provisional,
        orders.ordered_on as decided_on
    from priced
    inner join {{ ref('int_orders') }} as orders
        on priced.recon_key = orders.recon_key
    where priced.commission_amount <> 0
),

reconciled as (
    select
        priced.*,
        orders.order_id,
        cast({{ dbt.date_trunc('month', 'orders.ordered_on') }} as date) as month_on,
        orders.ordered_on,
        {{ json_document({
            'commission_amount': amount_text('priced.commission_amount'),
            'gross_amount': amount_text('priced.gross_amount'),
            'order_id': 'orders.order_id',
        }) }} as line_text
    from priced
    inner join {{ ref('int_orders') }} as orders
        on priced.recon_key = orders.recon_key
    inner join {{ ref('int_order_states') }} as order_states
        on priced.recon_key = order_states.recon_key
    where order_states.state_code = 'reconciled'
),

reconciled_summed_to_months as (
    select
        tenant,
        seller_id,
        currency_code,
        month_on,
        max(ordered_on) as decided_on,
        {{ money('sum(gross_amount)') }} as gross_amount,
        {{ money('sum(commission_amount)') }} as commission_amount,
        {{ json_rows('line_text', 'order_id') }} as line_texts
    from reconciled
    group by tenant, seller_id, currency_code, month_on
),

commission_statements as (
    select
        cast(null as {{ dbt.type_string() }}) as recon_key,
        cast(1 as bigint) as version_no,
        tenant,
        'commission/' || seller_id || '/' || substring(cast(month_on as {{ dbt.type_string() }}), 1, 7)
        || '/' || currency_code as natural_key,
        'commission_statement' as artifact_kind,
        currency_code,
        {{ json_document(
            {
                'commission_amount': amount_text('commission_amount'),
                'currency': 'currency_code',
                'document_no': "'CS-' || seller_id || '-' || substring(cast(month_on as " ~ dbt.type_string() ~ "), 1, 7) || '-' || currency_code",
                'gross_amount': amount_text('gross_amount'),
                'net_amount': amount_text('(gross_amount - commission_amount)'),
                'period': 'substring(cast(month_on as ' ~ dbt.type_string() ~ '), 1, 7)',
                'seller_id': 'seller_id',
            },
            {
                'is_provisional': json_flag(dbt.dateadd('month', 1, 'month_on') ~ ' > ' ~ as_of()),
                'lines': 'line_texts',
            },
        ) }} as payload,
        {{ money('gross_amount - commission_amount') }} as artifact_amount,
        {{ dbt.dateadd('month', 1, 'month_on') }} > {{ as_of() }} as is_provisional,
        decided_on
    from reconciled_summed_to_months
),

final as (
    select * from seller_invoices
    union all
    select * from commission_statements
)

select * from final
