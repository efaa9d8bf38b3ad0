-- Grain: one row per reduction that takes more than there is, per amendment whose own total proves that a change was
-- sent as a new level or the reverse, and per renewal whose contract overlaps the one that it renews or leaves days
-- between them. A contract of which amendments took everything off before the renewal began overlaps nothing.
-- Trap: these are facts of contracts and orders alone: no invoice, plan or payment is asked.

with reductions as (
    select
        line_key,
        recon_key,
        document_ref,
        canonical_line_no,
        sku,
        changed_quantity,
        level_before_quantity,
        level_after_quantity,
        unit_rate,
        price_factor,
        exponent,
        _row_key,
        _observed_at
    from {{ ref('int_order_lines__contributed') }}
    where is_amendment
        and changed_quantity < 0
        and level_after_quantity < 0
        and level_before_quantity >= 0
),

-- What the lines say and what the document asks for cannot both be right: one fact a document.
misread_documents as (
    select
        recon_key,
        document_ref,
        reading_code,
        min(line_key) as line_key,
        min(_row_key) as _row_key,
        {{ money('sum(net_amount)') }} as asked_amount,
        {{ money('sum(declared_amount)') }} as declared_amount,
        min(_observed_at) as _observed_at
    from {{ ref('int_order_lines__contributed') }}
    where reading_code in ('LEVEL_SENT_AS_CHANGE', 'CHANGE_SENT_AS_LEVEL')
    group by recon_key, document_ref, reading_code
),

orders as (
    select * from {{ ref('int_orders') }}
),

contracts as (
    select
        tenant,
        source_system,
        source_instance,
        contract_id,
        renews_contract_id,
        coalesce(native_status, 'active') as status_code,
        start_on,
        end_on,
        currency_code,
        _row_key,
        _observed_at
    from {{ ref('int_contracts__latest') }}
),

-- A contract whose lines were all taken off by amendments ended on the day of the last of them.
ended_lines as (
    select
        recon_key,
        line_key,
        max(case when is_amendment and changed_quantity < 0 then effective_on end) as ended_on
    from {{ ref('int_order_lines__contributed') }}
    group by recon_key, line_key
    having sum(changed_quantity) = 0
),

ended_contracts as (
    select
        orders.tenant,
        orders.contract_id,
        max(ended_lines.ended_on) as ended_on
    from orders
    inner join {{ ref('int_order_lines__current') }} as order_lines
        on orders.recon_key = order_lines.recon_key
    left join ended_lines
        on order_lines.line_key = ended_lines.line_key
    where orders.contract_id is not null
        and orders.status_code in ('confirmed', 'closed')
    group by orders.tenant, orders.contract_id
    having count(*) = count(ended_lines.ended_on)
),

renewed as (
    select
        contracts.*,
        renewed_contracts.end_on as earlier_end_on,
        {{ days_between('renewed_contracts.end_on', 'contracts.start_on') }} as days_between,
        {{ days_between('contracts.start_on', 'contracts.end_on') }} + 1 as contract_days
    from contracts
    inner join contracts as renewed_contracts
        on contracts.tenant = renewed_contracts.tenant
        and contracts.source_system = renewed_contracts.source_system
        and contracts.source_instance = renewed_contracts.source_instance
        and contracts.renews_contract_id = renewed_contracts.contract_id
    left join ended_contracts
        on renewed_contracts.tenant = ended_contracts.tenant
        and renewed_contracts.contract_id = ended_contracts.contract_id
        and contracts.start_on <= renewed_contracts.end_on
    where contracts.status_code not in ('cancelled', 'void', 'draft')
        and renewed_contracts.status_code not in ('cancelled', 'void', 'draft')
        and contracts.contract_id <> renewed_contracts.contract_id
        and (ended_contracts.ended_on is null or ended_contracts.ended_on > contracts.start_on)
        and {{ days_between('renewed_contracts.end_on', 'contracts.start_on') }} <> 1
),

contract_orders as (
    select
        tenant,
        contract_id,
        count(*) as order_count,
        min(recon_key) as recon_key,
        min(order_id) as order_id,
        min(currency_code) as currency_code,
        {{ money('sum(total_amount)') }} as total_amount
    from orders
    where contract_id is not null
        and status_code in ('confirmed', 'closed')
        and not is_test
    group by tenant, contract_id
    having min(currency_code) = max(currency_code)
),

found as (
    select
        'AMD_REDUCTION_GT_AVAILABLE' as exception_code,
        orders.tenant,
        reductions.recon_key,
        reductions.line_key,
        reductions.document_ref as native_ref,
        orders.source_system,
        {{ row_key_text('reductions._row_key') }} as document_key,
        orders.currency_code,
        'Amendment ' || reductions.document_ref || ' takes ' || {{ quantity_text('-reductions.changed_quantity') }}
        || ' from line ' || reductions.canonical_line_no || ' (' || reductions.sku || '), where only '
        || {{ quantity_text('reductions.level_before_quantity') }} || ' are left.' as explanation,
        {{ rounded_to(
            'cast(-reductions.level_after_quantity * reductions.unit_rate * reductions.price_factor as decimal(38, 12))',
            'reductions.exponent'
        ) }} as leak_amount,
        reductions._observed_at as opened_at
    from reductions
    inner join orders
        on reductions.recon_key = orders.recon_key
    where not orders.is_test
        and orders.status_code in ('confirmed', 'closed')
    union all
    select
        'AMD_DELTA_AS_ABSOLUTE' as exception_code,
        orders.tenant,
        misread_documents.recon_key,
        misread_documents.line_key,
        misread_documents.document_ref as native_ref,
        orders.source_system,
        {{ row_key_text('misread_documents._row_key') }} as document_key,
        orders.currency_code,
        'Amendment ' || misread_documents.document_ref || ' sends '
        || case misread_documents.reading_code
            when 'LEVEL_SENT_AS_CHANGE' then 'a new total as a change'
            else 'a change as a new total'
        end
        || ': its lines come to ' || {{ amount_text('misread_documents.declared_amount') }} || ' '
        || orders.currency_code || ', it asks for ' || {{ amount_text('misread_documents.asked_amount') }}
        || '.' as explanation,
        {{ money('abs(misread_documents.declared_amount - misread_documents.asked_amount)') }} as leak_amount,
        misread_documents._observed_at as opened_at
    from misread_documents
    inner join orders
        on misread_documents.recon_key = orders.recon_key
    where not orders.is_test
        and orders.status_code in ('confirmed', 'closed')
    union all
    select
        case when renewed.days_between < 1 then 'REN_OVERLAP' else 'REN_GAP' end as exception_code,
        renewed.tenant,
        case when contract_orders.order_count = 1 then contract_orders.recon_key end as recon_key,
        '' as line_key,
        renewed.contract_id as native_ref,
        renewed.source_system,
        {{ row_key_text('renewed._row_key') }} as document_key,
        coalesce(contract_orders.currency_code, renewed.currency_code, '') as currency_code,
        'Contract ' || renewed.contract_id || ' begins on ' || cast(renewed.start_on as {{ dbt.type_string() }})
        || ', the contract ' || renewed.renews_contract_id || ' that it renews ends on '
        || cast(renewed.earlier_end_on as {{ dbt.type_string() }})
        || case when renewed.days_between < 1
            then ': both hold for some days.' else ': the days between are not covered.'
        end as explanation,
        case
            when contract_orders.total_amount > 0 and renewed.contract_days > 0
            then {{ shared_amount(
                'contract_orders.total_amount',
                'least(abs(renewed.days_between - 1), renewed.contract_days)',
                'renewed.contract_days'
            ) }}
            else {{ money('0') }}
        end as leak_amount,
        renewed._observed_at as opened_at
    from renewed
    left join contract_orders
        on renewed.tenant = contract_orders.tenant
        and renewed.contract_id = contract_orders.contract_id
),

final as (
    select
        ---------- keys
        exception_code,
        '' as leg_code,
        tenant,
        recon_key,
        line_key,
        document_key as fact_key,
        native_ref,
        source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,

        ---------- strings
        currency_code,
        explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        leak_amount,
        {{ money('0') }} as expected_value_amount,
        {{ money('0') }} as actual_value_amount,

        ---------- timestamps
        opened_at
    from found
)

select * from final
