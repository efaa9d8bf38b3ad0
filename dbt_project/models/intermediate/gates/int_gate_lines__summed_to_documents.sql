-- Grain: one row per live document with lines: what its lines together say to the gates.
-- Trap: book_amount and list_amount are of the lines that deviate, not of the document. price_deviation_amount is a sum
-- of differences without their signs: too dear does not make up for too cheap.

with gate_lines as (
    select * from {{ ref('int_gate_lines') }}
),

final as (
    select
        ---------- keys
        document_key,
        recon_key,

        ---------- strings
        min(
            case
                when list_amount <> book_amount
                then sku || ' at ' || {{ rate_text('unit_rate') }} || ', book ' || {{ rate_text('book_rate') }}
            end
        ) as price_note,
        min(case when has_product_fault then sku end) as product_note,
        min(
            case
                when has_tax_fault
                then 'line ' || line_no || ' (' || sku || ') '
                    || coalesce('has class ' || tax_class, 'has no class')
                    || coalesce(', its product ' || expected_tax_class, '')
            end
        ) as tax_note,
        min(
            case date_fault
                when 'reversed' then 'line ' || line_no || ' ends ' || cast(service_end_on as {{ dbt.type_string() }})
                    || ' before it starts ' || cast(service_start_on as {{ dbt.type_string() }})
                when 'outside' then 'line ' || line_no || ' from '
                    || cast(service_start_on as {{ dbt.type_string() }}) || ' to '
                    || cast(service_end_on as {{ dbt.type_string() }}) || ', contract from '
                    || cast(contract_start_on as {{ dbt.type_string() }}) || ' to '
                    || cast(contract_end_on as {{ dbt.type_string() }})
                when 'missing' then 'line ' || line_no || ' (' || sku || ') lacks '
                    || case
                        when service_start_on is null and service_end_on is null then 'both service dates'
                        when service_start_on is null then 'the start of its service'
                        else 'the end of its service'
                    end
            end
        ) as date_note,

        ---------- numerics
        cast(sum(case when book_rate is not null then 1 else 0 end) as bigint) as priced_count,
        cast(sum(case when is_product_judged then 1 else 0 end) as bigint) as product_count,
        cast(sum(case when is_tax_judged then 1 else 0 end) as bigint) as tax_count,
        cast(sum(case when is_date_judged then 1 else 0 end) as bigint) as date_count,
        cast(sum(case when has_product_fault then 1 else 0 end) as bigint) as product_fault_count,
        cast(sum(case when has_tax_fault then 1 else 0 end) as bigint) as tax_fault_count,
        cast(sum(case when date_fault is not null then 1 else 0 end) as bigint) as date_fault_count,
        {{ money('coalesce(sum(book_amount), 0)') }} as book_amount,
        {{ money('coalesce(sum(case when book_amount is not null then list_amount end), 0)') }} as list_amount,
        {{ money('coalesce(sum(abs(list_amount - book_amount)), 0)') }} as rate_deviation_amount,
        -- with the discount of the line
        {{ money('coalesce(sum(abs(list_amount - discount_amount - book_amount)), 0)') }} as price_deviation_amount,
        {{ money('sum(discount_amount)') }} as discount_amount,
        {{ money('sum(case when has_product_fault then list_amount else 0 end)') }} as product_fault_amount,
        {{ money('sum(case when has_tax_fault then coalesce(tax_amount, 0) else 0 end)') }} as tax_fault_amount,
        {{ money('sum(case when date_fault is not null then list_amount else 0 end)') }} as date_fault_amount
    from gate_lines
    group by document_key, recon_key
)

select * from final
