-- Grain: one row per settlement batch that a header or a line names, with its net as stated and as its lines come to.
-- Trap: a provider writes fees positive (net = gross - fee) or negative (net = gross + fee): a line foots if either
-- holds. A payout that stands as a line inside its own batch is not part of the net that it pays out.

with lines as (
    select
        source,
        tenant,
        source_system,
        source_instance,
        batch_id,
        type_code,
        currency_code,
        gross_amount,
        net_amount,
        posted_at,
        _observed_at,
        coalesce(fee_amount, 0) + coalesce(fee_tax_amount, 0) as charges_amount,
        abs(coalesce(fee_amount, 0)) + abs(coalesce(fee_tax_amount, 0)) as positive_charges_amount,
        fee_amount is not null or fee_tax_amount is not null as has_charges
    from {{ ref('int_settlement_lines__latest') }}
),

line_types as (
    select * from {{ ref('settlement_line_types') }}
),

footed_lines as (
    select
        lines.*,
        line_types.is_transfer,
        case
            when not lines.has_charges
                or lines.net_amount = lines.gross_amount - lines.charges_amount
                or lines.net_amount = lines.gross_amount + lines.charges_amount
            then lines.net_amount
            else {{ money('lines.gross_amount - lines.positive_charges_amount') }}
        end as footed_amount
    from lines
    inner join line_types
        on lines.type_code = line_types.type_code
),

lines_summed as (
    select
        source,
        tenant,
        source_system,
        source_instance,
        batch_id,
        count(*) as line_count,
        min(currency_code) as currency_code,
        max(currency_code) as last_currency_code,
        {{ money('sum(footed_amount)') }} as all_amount,
        {{ money('sum(case when is_transfer then 0 else footed_amount end)') }} as untransferred_amount,
        {{ money('sum(abs(net_amount - footed_amount))') }} as unfooted_amount,
        cast(sum(case when is_transfer then 1 else 0 end) as bigint) as transfer_count,
        {{ money("sum(case when type_code = 'reserve_in' then -footed_amount else 0 end)") }} as reserved_amount,
        {{ money("sum(case when type_code = 'reserve_out' then footed_amount else 0 end)") }} as released_amount,
        max(posted_at) as last_posted_at,
        min(_observed_at) as known_at
    from footed_lines
    group by source, tenant, source_system, source_instance, batch_id
),

batches as (
    select * from {{ ref('int_settlement_batches__latest') }}
),

batch_statuses as (
    select * from {{ ref('batch_statuses') }}
),

tenants_with_lines as (
    -- distinct: a tenant has many lines
    select distinct tenant from {{ ref('int_settlement_lines__unioned') }}
),

tenants_with_bank_lines as (
    -- distinct: a tenant has many lines
    select distinct tenant from {{ ref('int_bank_lines__unioned') }}
),

tenants_with_settled_payments as (
    -- distinct: a tenant has many payments
    select distinct tenant from {{ ref('int_settlement_events') }}
    where settles_via in ('psp', 'psp_or_bank')
),

tenants_with_batches as (
    -- distinct: a tenant has many batches
    select distinct tenant from {{ ref('int_settlement_batches__unioned') }}
),

payout_windows as (
    select
        coalesce(own_windows.lag_business_days, other_windows.lag_business_days) as lag_business_days,
        providers.provider
    from (
        -- distinct: a provider has many batches
        select distinct provider from batches
    ) as providers
    left join {{ ref('payout_windows') }} as own_windows
        on providers.provider = own_windows.provider
    left join {{ ref('payout_windows') }} as other_windows
        on other_windows.provider = '*'
),

payout_lag_without_provider as (
    select lag_business_days from {{ ref('payout_windows') }}
    where provider = '*'
),

joined as (
    select
        coalesce(batches.source, lines_summed.source) as source,
        batches.stream,
        coalesce(batches.tenant, lines_summed.tenant) as tenant,
        coalesce(batches.source_system, lines_summed.source_system) as source_system,
        coalesce(batches.source_instance, lines_summed.source_instance) as source_instance,
        coalesce(batches.batch_id, lines_summed.batch_id) as batch_id,
        batches._row_key,
        batches.batch_id is not null as has_header,
        batches.provider,
        batches.trace_id,
        coalesce(own_statuses.status_code, other_statuses.status_code) as status_code,
        coalesce(batches.currency_code, lines_summed.currency_code) as currency_code,
        coalesce(lines_summed.line_count, 0) as line_count,
        lines_summed.batch_id is not null
        and lines_summed.currency_code = lines_summed.last_currency_code
        and lines_summed.currency_code = coalesce(batches.currency_code, lines_summed.currency_code) as is_footable,
        batches.net_amount as stated_amount,
        case
            when lines_summed.transfer_count = 0 or lines_summed.all_amount = batches.net_amount
            then lines_summed.all_amount
            when lines_summed.untransferred_amount = batches.net_amount or lines_summed.all_amount = 0
            then lines_summed.untransferred_amount
            else lines_summed.all_amount
        end as computed_amount,
        coalesce(lines_summed.unfooted_amount, 0) as unfooted_amount,
        coalesce(lines_summed.reserved_amount, 0) as reserved_amount,
        coalesce(lines_summed.released_amount, 0) as released_amount,
        coalesce(batches.closed_at, lines_summed.last_posted_at) as closed_at,
        coalesce(batches.payout_on, cast(coalesce(batches.closed_at, lines_summed.last_posted_at) as date))
            as payout_on,
        coalesce(payout_windows.lag_business_days, payout_lag_without_provider.lag_business_days) as lag_business_days,
        coalesce(batches._observed_at, lines_summed.known_at) as known_at
    from batches
    full outer join lines_summed
        on batches.source = lines_summed.source
        and batches.tenant = lines_summed.tenant
        and batches.source_system = lines_summed.source_system
        and batches.source_instance = lines_summed.source_instance
        and batches.batch_id = lines_summed.batch_id
    left join batch_statuses as own_statuses
        on lower(trim(batches.native_status)) = own_statuses.native_status
    left join batch_statuses as other_statuses
        on other_statuses.native_status = '*'
    left join payout_windows
        on batches.provider = payout_windows.provider
    cross join payout_lag_without_provider
),

netted as (
    select
        joined.*,
        case when is_footable then computed_amount else stated_amount end as net_amount
    from joined
    where has_header or is_footable
),

-- What an account got, sign for sign: where a bank line shows the very amount of a payout with the other sign.
bank_amounts as (
    select
        tenant,
        currency_code,
        bank_amount
    from {{ ref('int_bank_lines__latest') }}
    group by tenant, currency_code, bank_amount
),

-- Payouts that did not arrive, as families of one amount: the first of them has the sign of the payout itself,
-- whatever sign the provider gives it; what has the other sign takes it back.
failed_ranked as (
    select
        tenant,
        provider,
        currency_code,
        abs(stated_amount) as family_amount,
        stated_amount,
        row_number() over (
            partition by tenant, provider, currency_code, abs(stated_amount)
            order by closed_at nulls last, payout_on nulls last, batch_id nulls last
        ) as place
    from netted
    where status_code in ('failed', 'reversed')
),

failed_families as (
    select * from failed_ranked
    where place = 1
),

-- A payout that was made again: same provider, currency and amount, not before the one that failed.
paid_batches as (
    select
        tenant,
        provider,
        currency_code,
        stated_amount,
        max(coalesce(payout_on, cast(closed_at as date))) as payout_on
    from netted
    where status_code in ('paid', 'open')
        and has_header
    group by tenant, provider, currency_code, stated_amount
),

carried_payouts as (
    select * from {{ ref('int_carried_payouts') }}
),

flagged as (
    select
        netted.*,
        coalesce(
            netted.status_code = 'reversal'
            or (
                (netted.line_count = 0 or netted.status_code = 'reversed')
                and netted.stated_amount = -failed_families.stated_amount
            ),
            false
        ) as is_reversal,
        coalesce(
            netted.status_code in ('failed', 'reversed') and netted.stated_amount = failed_families.stated_amount,
            false
        ) as is_failed,
        coalesce(
            netted.status_code in ('failed', 'reversed')
            and (
                (
                    paid_batches.tenant is not null
                    and (
                        netted.payout_on is null
                        or paid_batches.payout_on is null
                        or paid_batches.payout_on >= netted.payout_on
                    )
                )
                or carried_payouts.last_payout_on >= netted.payout_on
            ),
            false
        ) as is_paid_again,
        netted.line_count = 0
        and netted.net_amount < 0
        and opposite_amounts.tenant is not null
        and same_amounts.tenant is null as is_stated_from_provider,
        tenants_with_lines.tenant is not null
        or tenants_with_settled_payments.tenant is not null
        or tenants_with_bank_lines.tenant is null as is_detail_expected,
        tenants_with_batches.tenant is not null as has_headers
    from netted
    left join failed_families
        on netted.tenant = failed_families.tenant
        and netted.provider = failed_families.provider
        and netted.currency_code = failed_families.currency_code
        and abs(netted.stated_amount) = failed_families.family_amount
    left join paid_batches
        on netted.tenant = paid_batches.tenant
        and netted.provider = paid_batches.provider
        and netted.currency_code = paid_batches.currency_code
        and netted.stated_amount = paid_batches.stated_amount
    left join carried_payouts
        on netted.tenant = carried_payouts.tenant
        and netted.provider = carried_payouts.provider
        and netted.currency_code = carried_payouts.currency_code
        and abs(netted.stated_amount) = carried_payouts.carried_amount
    left join bank_amounts as opposite_amounts
        on netted.tenant = opposite_amounts.tenant
        and netted.currency_code = opposite_amounts.currency_code
        and netted.net_amount = -opposite_amounts.bank_amount
    left join bank_amounts as same_amounts
        on netted.tenant = same_amounts.tenant
        and netted.currency_code = same_amounts.currency_code
        and netted.net_amount = same_amounts.bank_amount
    left join tenants_with_lines
        on netted.tenant = tenants_with_lines.tenant
    left join tenants_with_settled_payments
        on netted.tenant = tenants_with_settled_payments.tenant
    left join tenants_with_bank_lines
        on netted.tenant = tenants_with_bank_lines.tenant
    left join tenants_with_batches
        on netted.tenant = tenants_with_batches.tenant
),

currency_calendars as (
    select * from {{ ref('int_currency_calendars') }}
),

due_days as (
    select * from {{ ref('int_due_days') }}
),

final as (
    select
        ---------- keys
        {{ joined_parts([
            'flagged.source', 'flagged.tenant', 'flagged.source_system', 'flagged.source_instance',
            'flagged.batch_id',
        ]) }} as batch_key,
        flagged.source,
        flagged.stream,
        flagged.tenant,
        flagged.source_system,
        flagged.source_instance,
        flagged.batch_id,
        flagged.provider,
        flagged.trace_id,

        ---------- strings
        flagged.status_code,
        flagged.currency_code,
        case
            when not flagged.has_header then 'LINES_ALONE'
            when flagged.line_count > 0 and flagged.is_footable then 'FOOTED'
            when flagged.line_count > 0 then 'OTHER_CURRENCY_THAN_LINES'
            when flagged.is_failed or flagged.is_reversal then 'PAYOUT_NOT_MADE'
            when flagged.status_code = 'open' then 'BATCH_OPEN'
            when flagged.net_amount = 0 then 'EMPTY_BATCH'
            when flagged.is_detail_expected then 'UNATTRIBUTABLE'
            else 'NO_LINES_FED'
        end as detail_code,

        ---------- numerics
        flagged.line_count,
        flagged.stated_amount,
        case when flagged.is_footable then flagged.computed_amount end as computed_amount,
        case when flagged.is_stated_from_provider then {{ money('-flagged.net_amount') }}
            else flagged.net_amount
        end as net_amount,
        flagged.unfooted_amount,
        flagged.reserved_amount,
        flagged.released_amount,

        ---------- booleans
        flagged.has_header,
        flagged.has_headers,
        flagged.is_failed,
        flagged.is_reversal,
        flagged.is_paid_again,

        ---------- dates
        flagged.payout_on,

        ---------- timestamps
        flagged.closed_at,
        {{ end_of_day('due_days.due_on') }} as bank_due_at,
        flagged.known_at,

        ---------- provenance
        flagged._row_key
    from flagged
    left join currency_calendars
        on flagged.currency_code = currency_calendars.currency_code
    left join due_days
        on currency_calendars.calendar_code = due_days.calendar_code
        and flagged.lag_business_days = due_days.lag_business_days
        and flagged.payout_on = due_days.from_on
)

select * from final
