-- Grain: one row per seller statement line of an order, with the commission that the seller's rate gives.
-- Trap: amounts keep the sign of the gross: a clawback is negative throughout. A seller without a rate is owed by
-- the commission as stated.

with seller_statements as (
    select
        source,
        stream,
        tenant,
        source_system,
        source_instance,
        statement_id as native_id,
        seller_id,
        order_ref,
        currency_code,
        gross_amount,
        case when gross_amount < 0 then -1 else 1 end as direction,
        {{ money('abs(coalesce(commission_amount, 0))') }} as commission_size,
        {{ money('abs(coalesce(fee_amount, 0))') }} as fee_size,
        {{ money('abs(coalesce(withholding_amount, 0))') }} as withholding_size,
        net_amount,
        paid_at as event_at,
        _observed_at as known_at,
        _row_key
    from {{ ref('int_seller_statements__latest') }}
),

{{ resolved_refs('seller_statements') }},

sellers as (
    select
        tenant,
        seller_id,
        max(commission_rate) as commission_rate
    from {{ ref('int_sellers__latest') }}
    group by tenant, seller_id
),

currencies as (
    select * from {{ ref('currencies') }}
),

with_rates as (
    select
        resolved.*,
        currencies.exponent,
        cast({{ wide('abs(resolved.gross_amount)') }} * sellers.commission_rate as decimal(27, 10)) as exact_commission
    from resolved
    left join sellers
        on resolved.tenant = sellers.tenant
        and resolved.seller_id = sellers.seller_id
    left join currencies
        on resolved.currency_code = currencies.currency_code
),

rounded as (
    select
        with_rates.*,
        {{ rounded_to('with_rates.exact_commission', 'with_rates.exponent') }} as half_up_commission,
        {{ half_minor_unit('with_rates.exponent') }} as half_unit
    from with_rates
),

-- Half a minor unit goes up here and to the even neighbour elsewhere: the two differ only on an exact half.
ruled as (
    select
        rounded.*,
        coalesce(half_up_commission, commission_size) as expected_commission_size,
        case
            when half_up_commission - exact_commission = half_unit
                and cast(
                    cast(
                        half_up_commission * case exponent when 0 then 1 when 3 then 1000 else 100 end as decimal(22, 0)
                    )
                    as bigint
                ) % 2 = 1
            then {{ money('half_up_commission - 2 * half_unit') }}
            else half_up_commission
        end as half_even_commission
    from rounded
),

final as (
    select
        ---------- keys
        recon_key,
        tenant,
        source,
        stream,
        source_system,
        native_id,
        seller_id,
        order_ref,

        ---------- strings
        ref_status,
        currency_code,

        ---------- numerics
        gross_amount,
        net_amount,
        {{ money('direction * commission_size') }} as commission_amount,
        {{ money('direction * expected_commission_size') }} as expected_commission_amount,
        {{ money(
            'gross_amount - direction * (expected_commission_size + fee_size + withholding_size)'
        ) }} as expected_net_amount,
        {{ money(
            'gross_amount - direction * (coalesce(half_even_commission, commission_size) + fee_size + withholding_size)'
        ) }} as half_even_net_amount,

        ---------- booleans
        exact_commission is not null or commission_size + fee_size + withholding_size <> 0 or net_amount <> gross_amount
            as has_deductions,

        ---------- timestamps
        event_at,
        known_at,

        ---------- provenance
        _row_key
    from ruled
)

select * from final
