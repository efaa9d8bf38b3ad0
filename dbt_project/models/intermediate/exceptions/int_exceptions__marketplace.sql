-- Grain: one row per order and seller whose statement disagrees with the seller's order lines, commission or net; one
-- row per order where the parts are wrong but their sum is right: that is one mistake in sharing, not one a seller;
-- one row per tenant and currency for commissions rounded another way throughout: one setting, not many tickets.
-- Trap: one fact one class: a seller whose gross is wrong is not told about its commission too.

with match_groups as (
    select * from {{ ref('int_match_groups') }}
    where leg_code in ('seller_split', 'payout')
        and status_code = 'exception'
),

split_groups as (
    select * from match_groups
    where leg_code = 'seller_split'
),

orders as (
    select
        recon_key,
        order_id,
        source_system
    from {{ ref('int_orders') }}
),

-- A seller that two systems describe is one seller of the tenant.
sellers as (
    select
        tenant,
        seller_id,
        max(recon_owner_id) as recon_owner_id,
        max(commission_rate) as commission_rate
    from {{ ref('int_sellers__latest') }}
    group by tenant, seller_id
),

-- Two or more sellers are off and the differences cancel out: the order was shared wrongly.
shared_wrongly as (
    select
        recon_key,
        currency_code,
        min(match_id) as first_match_id,
        count(*) as seller_count,
        {{ money('sum(case when variance_amount > 0 then variance_amount else 0 end)') }} as moved_amount,
        {{ money('sum(expected_amount)') }} as shared_amount
    from split_groups
    where expectation_count > 0
        and evidence_count > 0
    group by recon_key, currency_code
    having count(*) > 1
        and sum(variance_amount) = 0
),

seller_refunds as (
    select * from {{ ref('int_seller_refunds') }}
),

cancelled_lines_of_sellers as (
    -- distinct: a seller may have several cancelled lines
    select distinct
        recon_key,
        seller_id
    from {{ ref('int_order_lines__current') }}
    where not is_due_for_payment
        and seller_id is not null
),

statements_summed_to_sellers as (
    select
        statements.recon_key,
        statements.seller_id,
        statements.currency_code,
        {{ money('sum(statements.gross_amount)') }} as gross_amount,
        {{ money('sum(statements.net_amount)') }} as net_amount,
        {{ money('sum(statements.commission_amount)') }} as commission_amount,
        {{ money('sum(statements.expected_commission_amount)') }} as expected_commission_amount,
        {{ money('sum(statements.expected_net_amount)') }} as expected_net_amount
    from {{ ref('int_seller_statements__resolved') }} as statements
    inner join match_groups
        on statements.recon_key = match_groups.recon_key
        and statements.seller_id = match_groups.seller_id
        and statements.currency_code = match_groups.currency_code
    where match_groups.evidence_count > 0
    group by statements.recon_key, statements.seller_id, statements.currency_code, match_groups.leg_code
),

-- The same statements stand behind both legs of a seller: counted once.
statements_of_sellers as (
    select
        recon_key,
        seller_id,
        currency_code,
        max(gross_amount) as gross_amount,
        max(net_amount) as net_amount,
        max(commission_amount) as commission_amount,
        max(expected_commission_amount) as expected_commission_amount,
        max(expected_net_amount) as expected_net_amount
    from statements_summed_to_sellers
    group by recon_key, seller_id, currency_code
),

-- One sale stated twice is paid twice: that is no sharing of it.
repeated_statements as (
    select
        recon_key,
        seller_id,
        currency_code,
        {{ money('gross_amount * (count(*) - 1)') }} as repeated_amount,
        {{ money('max(net_amount) * (count(*) - 1)') }} as repeated_net_amount
    from {{ ref('int_seller_statements__resolved') }}
    where gross_amount > 0
    group by recon_key, seller_id, currency_code, gross_amount
    having count(*) > 1
),

classified as (
    select
        match_groups.*,
        repeated_statements.repeated_net_amount,
        shared_wrongly.seller_count,
        shared_wrongly.moved_amount,
        shared_wrongly.shared_amount,
        orders.order_id,
        orders.source_system,
        sellers.recon_owner_id,
        {{ money("match_groups.expected_amount - " ~ rounded_to(
            'cast(' ~ wide('match_groups.expected_amount') ~ ' * coalesce(sellers.commission_rate, 0) as decimal(27, 10))',
            'currencies.exponent'
        )) }} as due_net_amount,
        statements_of_sellers.gross_amount as stated_gross_amount,
        statements_of_sellers.net_amount as stated_net_amount,
        statements_of_sellers.commission_amount,
        statements_of_sellers.expected_commission_amount,
        case
            when match_groups.variance_amount > 0
                and match_groups.evidence_count > 0
                and (
                    match_groups.is_cancelled
                    or seller_refunds.recon_key is not null
                    or cancelled_lines_of_sellers.recon_key is not null
                )
                and match_groups.leg_code = 'seller_split'
            then 'MKT_CLAWBACK_OPEN'
            when match_groups.leg_code = 'payout'
                and statements_of_sellers.commission_amount <> statements_of_sellers.expected_commission_amount
            then 'MKT_COMMISSION'
            when match_groups.leg_code = 'payout' then 'MKT_PAYOUT_PARTIAL'
            when match_groups.expectation_count = 0 or repeated_statements.recon_key is not null then 'MKT_PAYOUT_EXTRA'
            when match_groups.evidence_count = 0 then 'MKT_PAYOUT_MISSING'
            else 'MKT_SPLIT'
        end as exception_code
    from match_groups
    inner join orders
        on match_groups.recon_key = orders.recon_key
    left join sellers
        on match_groups.tenant = sellers.tenant
        and match_groups.seller_id = sellers.seller_id
    left join {{ ref('currencies') }} as currencies
        on match_groups.currency_code = currencies.currency_code
    left join seller_refunds
        on match_groups.recon_key = seller_refunds.recon_key
        and match_groups.seller_id = seller_refunds.seller_id
    left join cancelled_lines_of_sellers
        on match_groups.recon_key = cancelled_lines_of_sellers.recon_key
        and match_groups.seller_id = cancelled_lines_of_sellers.seller_id
    left join statements_of_sellers
        on match_groups.recon_key = statements_of_sellers.recon_key
        and match_groups.seller_id = statements_of_sellers.seller_id
        and match_groups.currency_code = statements_of_sellers.currency_code
    left join repeated_statements
        on match_groups.recon_key = repeated_statements.recon_key
        and match_groups.seller_id = repeated_statements.seller_id
        and match_groups.currency_code = repeated_statements.currency_code
        and match_groups.variance_amount = repeated_statements.repeated_amount
    left join shared_wrongly
        on case
            when match_groups.leg_code = 'seller_split'
                and match_groups.expectation_count > 0
                and match_groups.evidence_count > 0
            then match_groups.recon_key
        end = shared_wrongly.recon_key
        and match_groups.currency_code = shared_wrongly.currency_code
    left join split_groups
        on case when match_groups.leg_code = 'payout' then match_groups.anchor_key end = split_groups.anchor_key
        and match_groups.currency_code = split_groups.currency_code
    where (shared_wrongly.recon_key is null or match_groups.match_id = shared_wrongly.first_match_id)
        and split_groups.anchor_key is null
),

failed_groups as (
    select
        ---------- keys
        exception_code,
        leg_code,
        tenant,
        recon_key,
        '' as line_key,
        case when seller_count is null then seller_id else 'shared' end || ' ' || currency_code as fact_key,
        order_id as native_ref,
        source_system,
        match_id,

        ---------- strings
        currency_code,
        case
            when exception_code = 'MKT_CLAWBACK_OPEN' then
                'Seller ' || seller_id || ' was paid ' || {{ amount_text('stated_net_amount') }} || ' ' || currency_code
                || ', and ' || {{ amount_text('variance_amount') }}
                || ' of its part of the order was taken back since: the next payout has to net it.'
            when exception_code = 'MKT_COMMISSION' then
                'The commission of seller ' || seller_id || ' is ' || {{ amount_text('commission_amount') }} || ' '
                || currency_code || '; its rate on ' || {{ amount_text('stated_gross_amount') }} || ' gives '
                || {{ amount_text('expected_commission_amount') }} || '.'
            when exception_code = 'MKT_PAYOUT_PARTIAL' then
                'Seller ' || seller_id || ' gets ' || {{ amount_text('matched_amount') }} || ' ' || currency_code
                || '; its gross less commission, fees and withholding is '
                || {{ amount_text('expected_amount') }}
                || '.'
            when exception_code = 'MKT_PAYOUT_EXTRA' and repeated_net_amount is not null then
                'Seller ' || seller_id || ' was stated twice for one sale: ' || {{ amount_text('repeated_net_amount') }}
                || ' ' || currency_code || ' was paid too much.'
            when exception_code = 'MKT_PAYOUT_EXTRA' then
                'Seller ' || seller_id || ' is stated with ' || {{ amount_text('matched_amount') }} || ' ' || currency_code
                || case
                    when stated_net_amount = matched_amount then ''
                    else ', net ' || {{ amount_text('stated_net_amount') }}
                end
                || ', but has no line on the order.'
            when exception_code = 'MKT_PAYOUT_MISSING' then
                'No statement gives seller ' || seller_id || ' the ' || {{ amount_text('expected_amount') }} || ' '
                || currency_code || ' of the order'
                || case
                    when due_net_amount = expected_amount then ''
                    else ' (' || {{ amount_text('due_net_amount') }} || ' after commission)'
                end
                || ', due on '
                || cast(cast(due_at as date) as {{ dbt.type_string() }}) || '.'
            when seller_count is not null then
                {{ amount_text('moved_amount') }} || ' ' || currency_code
                || ' of ' || {{ amount_text('shared_amount') }}
                || ' went to the wrong seller: the parts of ' || cast(seller_count as {{ dbt.type_string() }})
                || ' sellers differ from their lines, their sum is right.'
            else
                'Seller ' || seller_id || ' is stated with ' || {{ amount_text('matched_amount') }} || ' '
                || currency_code || '; the order lines come to ' || {{ amount_text('expected_amount') }} || '.'
        end as explanation,
        -- A seller that gets too little is owed; one that gets too much, or pays too little, costs us.
        case
            when exception_code in ('MKT_COMMISSION', 'MKT_PAYOUT_PARTIAL')
            then case when variance_amount > 0 then 'loss' else 'owed' end
        end as leak_kind,
        recon_owner_id as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        case
            when exception_code = 'MKT_CLAWBACK_OPEN' and variance_amount < stated_gross_amount
            then {{ shared_amount('stated_net_amount', 'variance_amount', 'stated_gross_amount') }}
            when exception_code = 'MKT_CLAWBACK_OPEN' then stated_net_amount
            when exception_code = 'MKT_PAYOUT_EXTRA' and repeated_net_amount is not null then repeated_net_amount
            -- What is at risk is what is paid, not the sale behind it.
            when exception_code = 'MKT_PAYOUT_EXTRA' then {{ money('abs(stated_net_amount)') }}
            when exception_code = 'MKT_PAYOUT_MISSING' then {{ money('abs(due_net_amount)') }}
            when exception_code = 'MKT_COMMISSION'
            then {{ money('abs(commission_amount - expected_commission_amount)') }}
            when seller_count is null then {{ money('abs(variance_amount)') }}
            else moved_amount
        end as leak_amount,
        expected_amount as expected_value_amount,
        matched_amount as actual_value_amount,

        ---------- timestamps
        case when exception_code = 'MKT_PAYOUT_MISSING' then coalesce(due_at, last_known_at)
            else coalesce(last_known_at, due_at)
        end as opened_at
    from classified
),

-- Rounding that differs on one order is rounding; on many orders it is a setting somewhere.
rounded_otherwise as (
    select
        tenant,
        currency_code,
        count(*) as order_count,
        min(match_id) as first_match_id,
        {{ money('sum(abs(residual_amount))') }} as leak_amount,
        {{ money('sum(expected_amount)') }} as expected_amount,
        {{ money('sum(matched_amount)') }} as matched_amount,
        min(last_known_at) as first_known_at
    from {{ ref('int_match_groups') }}
    where leg_code = 'payout'
        and residual_class = 'ROUNDING_MODE'
    group by tenant, currency_code
    having count(*) > 1
),

rounding_modes as (
    select
        'MKT_COMMISSION' as exception_code,
        'payout' as leg_code,
        tenant,
        cast(null as {{ dbt.type_string() }}) as recon_key,
        '' as line_key,
        'rounding mode ' || currency_code as fact_key,
        'rounding mode' as native_ref,
        '' as source_system,
        first_match_id as match_id,
        currency_code,
        'Commissions are rounded half to even where the rule rounds half up: '
        || cast(order_count as {{ dbt.type_string() }}) || ' orders, ' || {{ amount_text('leak_amount') }} || ' '
        || currency_code || ' in all.' as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        'ROUNDING_MODE' as incident_cause,
        leak_amount,
        expected_amount as expected_value_amount,
        matched_amount as actual_value_amount,
        first_known_at as opened_at
    from rounded_otherwise
),

final as (
    select * from failed_groups
    union all
    select * from rounding_modes
)

select * from final
