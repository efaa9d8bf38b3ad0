-- Grain: one row per document whose amount, quantity or price came otherwise under the very stamp of its system that it had
-- before, while what it states still is that value: (source, stream, _row_key).
-- Trap: a system that changes a document stamps it anew, and that is a restatement, which is not here. Neither is what has
-- no stamp, or comes from a system whose stamps are too coarse to be believed (seeds/rules/stamp_rules).

{#- The columns of an entity that state money, quantity and unit price; none where it has no such column. -#}
{%- set stated_values = {
    'orders': ['order_id', 'total_amount', none, none],
    'order_lines': ["order_id || '/' || line_no", line_amount('quantity', 'unit_rate'), 'quantity', 'unit_rate'],
    'payments': ['payment_id', 'payment_amount', none, none],
    'invoices': ['invoice_id', 'total_amount', none, none],
    'invoice_lines': [
        "invoice_id || '/' || cast(line_no as " ~ dbt.type_string() ~ ")", 'net_amount', 'quantity', 'unit_rate',
    ],
    'shipment_lines': ["shipment_id || '/' || line_no", none, 'quantity', none],
    'seller_statements': ['statement_id', 'net_amount', none, none],
    'settlement_lines': ["batch_id || '/' || cast(line_no as " ~ dbt.type_string() ~ ")", 'net_amount', none, none],
    'billing_plans': ['plan_id', 'net_amount', 'quantity', 'unit_rate'],
    'revenue_schedules': ["order_ref || '/' || period_code", 'revenue_amount', none, none],
} %}

with stamped_rows as (
    select
        source,
        stream,
        _row_key,
        updated_at
    from {{ ref('stg_landing__source_rows') }}
    where updated_at is not null
        and not _is_deleted
        and entity in (
            'no stream'
            {%- for entity in stated_values %},
            '{{ entity }}'
            {%- endfor %}
        )
),

restated_keys as (
    -- distinct: a row with three versions is named twice
    select distinct
        source,
        stream,
        _row_key
    from {{ ref('stg_landing__source_rows') }}
    where _row_version > 1
),

repeated_stamps as (
    select
        stamped_rows.source,
        stamped_rows.stream,
        stamped_rows._row_key,
        stamped_rows.updated_at
    from stamped_rows
    inner join restated_keys
        on stamped_rows.source = restated_keys.source
        and stamped_rows.stream = restated_keys.stream
        and stamped_rows._row_key = restated_keys._row_key
    group by stamped_rows.source, stamped_rows.stream, stamped_rows._row_key, stamped_rows.updated_at
    having count(*) > 1
),

keys_in_question as (
    -- distinct: more than one stamp of a row may have been used twice
    select distinct
        source,
        stream,
        _row_key
    from repeated_stamps
),

versions as (
    {%- for entity, (native_id, amount, quantity, rate) in stated_values.items() %}
    select
        stored.source,
        stored.stream,
        stored.tenant,
        stored.source_system,
        {{ native_id }} as native_id,
        cast({{ amount or 'null' }} as decimal(18, 4)) as stated_amount,
        cast({{ quantity or 'null' }} as decimal(24, 6)) as stated_quantity,
        cast({{ rate or 'null' }} as decimal(28, 12)) as stated_rate,
        stored.updated_at,
        stored._row_key,
        stored._row_version,
        stored._business_on,
        stored._is_deleted,
        stored._observed_at
    from {{ ref('int_' ~ entity ~ '__unioned') }} as stored
    inner join keys_in_question
        on stored.source = keys_in_question.source
        and stored.stream = keys_in_question.stream
        and stored._row_key = keys_in_question._row_key
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

with_values as (
    select
        *,
        coalesce(cast(stated_amount as {{ dbt.type_string() }}), '') || {{ separator() }}
        || coalesce(cast(stated_quantity as {{ dbt.type_string() }}), '') || {{ separator() }}
        || coalesce(cast(stated_rate as {{ dbt.type_string() }}), '') as stated_values
    from versions
),

-- A row that was taken back states nothing, but it is the newest all the same.
{%- set of_one_stamp = ['with_values.updated_at', 'with_values._is_deleted'] %}
ranked as (
    select
        *,
        row_number() over {{ versions_of('with_values', 'newest') }} as recency,
        row_number() over {{ versions_of('with_values', 'oldest', within=of_one_stamp) }} as place_in_stamp,
        row_number() over {{ versions_of('with_values', 'newest', within=of_one_stamp) }} as recency_in_stamp
    from with_values
),

changed_in_stamp as (
    select
        changed.source,
        changed.stream,
        changed._row_key,
        changed.updated_at,
        changed.stated_values,
        first_stated.stated_amount as first_amount,
        first_stated.stated_quantity as first_quantity,
        first_stated.stated_rate as first_rate,
        changed._observed_at as changed_at,
        row_number() over (
            partition by changed.source, changed.stream, changed._row_key
            order by changed.updated_at desc nulls last
        ) as recency
    from ranked as changed
    inner join ranked as first_stated
        on changed.source = first_stated.source
        and changed.stream = first_stated.stream
        and changed._row_key = first_stated._row_key
        and changed.updated_at = first_stated.updated_at
        and first_stated.place_in_stamp = 1
        and not first_stated._is_deleted
    where changed.recency_in_stamp = 1
        and not changed._is_deleted
        and changed.stated_values <> first_stated.stated_values
),

stamp_rules as (
    select * from {{ ref('stamp_rules') }}
),

final as (
    select
        ---------- keys
        latest.source,
        latest.stream,
        latest.tenant,
        latest.source_system,
        latest.native_id,
        coalesce(own_rules.rule_id, default_rules.rule_id) as rule_id,
        coalesce(own_rules.rule_version, default_rules.rule_version) as rule_version,

        ---------- numerics
        changed_in_stamp.first_amount,
        latest.stated_amount,
        changed_in_stamp.first_quantity,
        latest.stated_quantity,
        changed_in_stamp.first_rate,
        latest.stated_rate,

        ---------- timestamps
        changed_in_stamp.updated_at as stamped_at,
        changed_in_stamp.changed_at,

        ---------- provenance
        latest._row_key
    from ranked as latest
    inner join changed_in_stamp
        on latest.source = changed_in_stamp.source
        and latest.stream = changed_in_stamp.stream
        and latest._row_key = changed_in_stamp._row_key
        and latest.stated_values = changed_in_stamp.stated_values
        and changed_in_stamp.recency = 1
    left join stamp_rules as own_rules
        on latest.source_system = own_rules.source_system
        and cast(changed_in_stamp.updated_at as date) >= own_rules.effective_from
        and cast(changed_in_stamp.updated_at as date) < coalesce(own_rules.effective_to, {{ end_of_time() }})
    left join stamp_rules as default_rules
        on default_rules.source_system = '*'
        and cast(changed_in_stamp.updated_at as date) >= default_rules.effective_from
        and cast(changed_in_stamp.updated_at as date) < coalesce(default_rules.effective_to, {{ end_of_time() }})
    where latest.recency = 1
        and not latest._is_deleted
        and coalesce(own_rules.is_believed, default_rules.is_believed, false)
)

select * from final
