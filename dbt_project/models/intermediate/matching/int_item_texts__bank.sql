-- Grain: one row per payout, direct payment or bank line: by what it can be recognised without a key.
-- Trap: a bank knows no customer ids, so the party is left to the texts: party_code is null on both sides.

with items as (
    select * from {{ ref('int_bank_items') }}
),

customers as (
    select
        tenant,
        customer_id,
        min(customer_name) as customer_name
    from {{ ref('int_customers__latest') }}
    group by tenant, customer_id
),

bank_lines as (
    select * from {{ ref('int_bank_lines__latest') }}
),

final as (
    select
        'bank' as leg_code,
        'expected' as side_code,
        items.item_key,
        cast(null as {{ dbt.type_string() }}) as party_code,
        coalesce(items.party_note, '')
        || ' ' || coalesce(items.customer_id, '')
        || ' ' || coalesce(customers.customer_name, '')
        || ' ' || coalesce(items.first_identifier, '')
        || ' ' || coalesce(items.second_identifier, '')
        || ' ' || coalesce(items.third_identifier, '') as item_text
    from items
    left join customers
        on items.tenant = customers.tenant
        and items.customer_id = customers.customer_id
    union all
    select
        'bank' as leg_code,
        'actual' as side_code,
        {{ evidence_item_key('source', 'stream', '_row_key') }} as item_key,
        cast(null as {{ dbt.type_string() }}) as party_code,
        coalesce(counterparty_note, '') as item_text
    from bank_lines
)

select * from final
