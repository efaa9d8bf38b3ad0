-- Grain: one row per (recon_key, version_no, gate_code): what a gate has to judge of an order about to go downstream.
-- Trap: nothing is judged here: Great Expectations reads the facts and answers. An order that a gate has nothing to
-- compare with has no row; is_judged is false where there was something to compare with, but not for this order.

with facts as (
    select * from {{ ref('int_gate_facts') }}
),

gate_scopes as (
    select
        gate_code,
        order_type
    from {{ ref('gate_scopes') }}
),

gates as (
    select * from {{ ref('gates') }}
),

prices as (
    select
        'GATE_PRICE' as gate_code,
        'GATE_PRICE' as exception_code,
        recon_key,
        order_id as native_ref,
        compared_currency_code as money_currency_code,
        case
            when price_beyond_count > 0
            then 'a difference to the price book of at most '
                || {{ amount_text('round(price_beyond_authority_amount, 2)') }} || ' ' || compared_currency_code
                || coalesce(', the authority of ' || price_authority_id, ', as nobody is known with more authority')
        end as expected_note,
        case
            when price_beyond_count > 0
            then {{ amount_text('round(price_beyond_amount, 2)') }} || ' ' || compared_currency_code
                || coalesce(' (' || price_beyond_note || ')', ' in discounts')
            when priced_count = 0 then 'the price book has no price for any line'
            when price_unknown_count > 0 then 'nobody can be held against the difference to the price book'
            when price_deviation_amount > 0
            then 'a difference of ' || {{ amount_text('round(price_asked_amount, 2)') }}
                || ' ' || compared_currency_code
        end as actual_note,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(0 as bigint) as breach_count,
        case
            when price_beyond_count > 0 then price_beyond_amount
            else coalesce(price_asked_amount, {{ money('0') }})
        end as deviation_amount,
        case
            when price_beyond_count > 0 then price_beyond_authority_amount
            else coalesce(price_authority_amount, {{ money('0') }})
        end as authority_amount,
        case when price_beyond_count > 0 then price_deviation_amount else {{ money('0') }} end as at_risk_amount,
        coalesce(price_book_amount, {{ money('0') }}) as expected_amount,
        coalesce(price_priced_amount, {{ money('0') }}) as actual_amount,
        priced_count > 0 and (price_unknown_count = 0 or price_beyond_count > 0) as is_judged
    from facts
    where is_price_looked_at
),

terms as (
    select
        'GATE_TERMS' as gate_code,
        'GATE_TERMS' as exception_code,
        recon_key,
        order_id as native_ref,
        currency_code as money_currency_code,
        case
            when has_terms_fault then contract_terms || ', the terms of contract ' || contract_id
        end as expected_note,
        case
            when has_terms_fault then payment_terms
            when not is_terms_judged then 'the order or its contract states no payment terms'
        end as actual_note,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(case when has_terms_fault then 1 else 0 end as bigint) as breach_count,
        {{ money('0') }} as deviation_amount,
        {{ money('0') }} as authority_amount,
        {{ money('0') }} as at_risk_amount,
        {{ money('0') }} as expected_amount,
        {{ money('0') }} as actual_amount,
        is_terms_judged as is_judged
    from facts
    where is_terms_looked_at
),

tax_classes as (
    select
        'GATE_TAX_CLASS' as gate_code,
        'GATE_TAX_CLASS' as exception_code,
        recon_key,
        order_id as native_ref,
        currency_code as money_currency_code,
        cast(null as {{ dbt.type_string() }}) as expected_note,
        tax_note as actual_note,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        tax_fault_count as breach_count,
        {{ money('0') }} as deviation_amount,
        {{ money('0') }} as authority_amount,
        tax_fault_amount as at_risk_amount,
        {{ money('0') }} as expected_amount,
        {{ money('0') }} as actual_amount,
        true as is_judged
    from facts
    where tax_count > 0
),

credits as (
    select
        'GATE_CREDIT' as gate_code,
        'GATE_CREDIT' as exception_code,
        recon_key,
        order_id as native_ref,
        currency_code as money_currency_code,
        'at most ' || {{ amount_text('credit_limit_amount') }} || ' ' || currency_code || ' unpaid' as expected_note,
        {{ amount_text('exposure_amount') }} || ' ' || currency_code || ' unpaid with this order' as actual_note,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(0 as bigint) as breach_count,
        -- An order that is paid adds nothing to what is owed.
        case when unpaid_amount > 0 then exposure_amount else {{ money('0') }} end as deviation_amount,
        credit_limit_amount as authority_amount,
        greatest({{ money('exposure_amount - credit_limit_amount') }}, {{ money('0') }}) as at_risk_amount,
        credit_limit_amount as expected_amount,
        exposure_amount as actual_amount,
        true as is_judged
    from facts
    where credit_limit_amount is not null
),

products as (
    select
        'GATE_PRODUCT' as gate_code,
        'GATE_PRODUCT' as exception_code,
        recon_key,
        order_id as native_ref,
        currency_code as money_currency_code,
        cast(null as {{ dbt.type_string() }}) as expected_note,
        product_note
        || case
            when product_fault_count > 1
            then ' and ' || cast(product_fault_count - 1 as {{ dbt.type_string() }}) || ' more'
            else ''
        end as actual_note,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        product_fault_count as breach_count,
        {{ money('0') }} as deviation_amount,
        {{ money('0') }} as authority_amount,
        product_fault_amount as at_risk_amount,
        {{ money('0') }} as expected_amount,
        {{ money('0') }} as actual_amount,
        true as is_judged
    from facts
    where product_count > 0
),

service_dates as (
    select
        'GATE_DATES' as gate_code,
        'GATE_DATES' as exception_code,
        recon_key,
        order_id as native_ref,
        currency_code as money_currency_code,
        cast(null as {{ dbt.type_string() }}) as expected_note,
        date_note as actual_note,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        date_fault_count as breach_count,
        {{ money('0') }} as deviation_amount,
        {{ money('0') }} as authority_amount,
        date_fault_amount as at_risk_amount,
        {{ money('0') }} as expected_amount,
        {{ money('0') }} as actual_amount,
        true as is_judged
    from facts
    where date_count > 0
),

-- Who approves their own is told by its own class, unless another amendment of the order lacks its approval.
approvals as (
    select
        'GATE_APPROVAL_MISSING' as gate_code,
        case
            when self_approval_count > 0 and self_approval_count = approval_fault_count then 'CTL_SELF_APPROVAL'
            else 'GATE_APPROVAL_MISSING'
        end as exception_code,
        recon_key,
        coalesce(approval_document_id, self_approval_document_id, order_id) as native_ref,
        currency_code as money_currency_code,
        cast(null as {{ dbt.type_string() }}) as expected_note,
        coalesce(approval_note, self_approval_note) as actual_note,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        approval_fault_count as breach_count,
        {{ money('0') }} as deviation_amount,
        {{ money('0') }} as authority_amount,
        approval_fault_amount as at_risk_amount,
        {{ money('0') }} as expected_amount,
        {{ money('0') }} as actual_amount,
        true as is_judged
    from facts
    where is_approval_looked_at
),

unioned as (
    select * from prices
    union all
    select * from terms
    union all
    select * from tax_classes
    union all
    select * from credits
    union all
    select * from products
    union all
    select * from service_dates
    union all
    select * from approvals
),

final as (
    select
        ---------- keys
        unioned.recon_key,
        facts.version_no,
        unioned.gate_code,
        facts.tenant,
        facts.order_id,
        unioned.native_ref,
        unioned.exception_code,

        ---------- strings
        coalesce(unioned.expected_note, gates.demand) as expected_value,
        coalesce(unioned.actual_note, gates.found_label) as actual_value,
        facts.currency_code,
        unioned.leak_kind,

        ---------- numerics
        cast(gates.rule_version as bigint) as rule_version,
        unioned.breach_count,
        unioned.deviation_amount,
        unioned.authority_amount,
        greatest(
            gates.tolerance_amount,
            cast(gates.tolerance_rate * {{ wide('unioned.expected_amount') }} as decimal(18, 4))
        ) as tolerance_amount,
        unioned.at_risk_amount,
        unioned.expected_amount,
        unioned.actual_amount,

        ---------- booleans
        unioned.is_judged,
        gates.is_holding,

        ---------- timestamps
        facts.known_from
    from unioned
    inner join facts
        on unioned.recon_key = facts.recon_key
    inner join gate_scopes
        on unioned.gate_code = gate_scopes.gate_code
        and facts.order_type = gate_scopes.order_type
    inner join gates
        on unioned.gate_code = gates.gate_code
        and facts.ordered_on >= gates.effective_from
        and facts.ordered_on < coalesce(gates.effective_to, {{ end_of_time() }})
)

select * from final
