-- Grain: one row per live document whose price deviates, or that amends: what has to be within somebody's authority.
-- Trap: asked_amount and authority_amount are in compared_currency_code, which need not be the order's: limits are
-- in the currency of the person. Both are null where no rate leads from one to the other.

with documents as (
    select * from {{ ref('int_gate_documents') }}
),

lines_of_documents as (
    select * from {{ ref('int_gate_lines__summed_to_documents') }}
),

feeds as (
    select * from {{ ref('int_gate_feeds') }}
),

people as (
    -- A person that two systems describe is one person of the tenant.
    select
        tenant,
        person_id,
        max(approval_limit_amount) as limit_amount,
        max(currency_code) as currency_code
    from {{ ref('int_people__latest') }}
    group by tenant, person_id
),

-- A discount needs authority where the order names somebody who gave it and the tenant says who has which: a shop's
-- promotion names nobody. A header may repeat the discounts of its lines: only what goes beyond them counts.
deviating_documents as (
    select
        documents.document_key,
        documents.recon_key,
        documents.tenant,
        documents.document_id,
        documents.currency_code,
        documents.ordered_on,
        documents.is_amendment,
        documents.approved_by,
        documents.sales_owner_id,
        {{ money('abs(documents.total_amount)') }} as document_amount,
        feeds.has_people,
        feeds.has_limits,
        lines_of_documents.price_note,
        coalesce(lines_of_documents.priced_count, 0) as priced_count,
        coalesce(lines_of_documents.book_amount, 0) as book_amount,
        case
            when coalesce(lines_of_documents.priced_count, 0) = 0 then {{ money('0') }}
            when not feeds.has_limits or coalesce(documents.approved_by, documents.sales_owner_id) is null
            then lines_of_documents.rate_deviation_amount
            else {{ money("""
                lines_of_documents.price_deviation_amount
                + greatest(documents.discount_amount - lines_of_documents.discount_amount, 0)
            """) }}
        end as price_deviation_amount,
        case
            when feeds.has_limits and coalesce(documents.approved_by, documents.sales_owner_id) is not null
            then {{ money("""
                lines_of_documents.list_amount
                - greatest(documents.discount_amount, lines_of_documents.discount_amount)
            """) }}
            else lines_of_documents.list_amount
        end as priced_amount
    from documents
    inner join feeds
        on documents.tenant = feeds.tenant
    left join lines_of_documents
        on documents.document_key = lines_of_documents.document_key
),

documents_to_judge as (
    select
        deviating_documents.*,
        coalesce(deviating_documents.approved_by, deviating_documents.sales_owner_id) as authority_id
    from deviating_documents
    where deviating_documents.price_deviation_amount <> 0
        or deviating_documents.is_amendment
),

with_people as (
    select
        documents_to_judge.*,
        people.person_id is not null as is_authority_known,
        people.limit_amount,
        coalesce(people.currency_code, documents_to_judge.currency_code) as limit_currency_code
    from documents_to_judge
    left join people
        on documents_to_judge.tenant = people.tenant
        and documents_to_judge.authority_id = people.person_id
),

-- The rates that are needed at all: few pairs of currency and day, however many orders.
conversions as (
    select
        tenant,
        currency_code,
        limit_currency_code,
        ordered_on
    from with_people
    where currency_code <> limit_currency_code
        and limit_amount is not null
    group by tenant, currency_code, limit_currency_code, ordered_on
),

currencies_on_days as (
    select
        tenant,
        currency_code,
        ordered_on
    from conversions
    -- union: a currency may be that of orders and of people
    union
    select
        tenant,
        limit_currency_code as currency_code,
        ordered_on
    from conversions
),

-- The last rate until the day; a limit is no booking, so before the first rate that one is taken.
rates_by_nearness as (
    select
        currencies_on_days.tenant,
        currencies_on_days.currency_code,
        currencies_on_days.ordered_on,
        fx_rates.to_currency_code,
        fx_rates.fx_rate,
        row_number() over (
            partition by
                currencies_on_days.tenant,
                currencies_on_days.currency_code,
                currencies_on_days.ordered_on,
                fx_rates.to_currency_code
            order by
                case when fx_rates.rate_on <= currencies_on_days.ordered_on then 0 else 1 end nulls last,
                case when fx_rates.rate_on <= currencies_on_days.ordered_on then fx_rates.rate_on end desc nulls last,
                fx_rates.rate_on asc nulls last,
                fx_rates._row_key asc nulls last
        ) as nearness
    from currencies_on_days
    inner join {{ ref('int_fx_rates__latest') }} as fx_rates
        on currencies_on_days.tenant = fx_rates.tenant
        and currencies_on_days.currency_code = fx_rates.from_currency_code
),

rates_to_anything as (
    select
        tenant,
        currency_code,
        ordered_on,
        to_currency_code,
        fx_rate
    from rates_by_nearness
    where nearness = 1
        and to_currency_code <> currency_code
    union all
    select
        tenant,
        currency_code,
        ordered_on,
        currency_code as to_currency_code,
        cast(1 as decimal(28, 12)) as fx_rate
    from currencies_on_days
),

common_currencies as (
    select
        conversions.tenant,
        conversions.currency_code,
        conversions.limit_currency_code,
        conversions.ordered_on,
        asked_rates.to_currency_code as compared_currency_code,
        asked_rates.fx_rate as asked_rate,
        limit_rates.fx_rate as limit_rate,
        row_number() over (
            partition by
                conversions.tenant,
                conversions.currency_code,
                conversions.limit_currency_code,
                conversions.ordered_on
            order by
                case
                    when asked_rates.to_currency_code = conversions.currency_code then 0
                    when asked_rates.to_currency_code = conversions.limit_currency_code then 1
                    else 2
                end nulls last,
                asked_rates.to_currency_code nulls last
        ) as preference
    from conversions
    inner join rates_to_anything as asked_rates
        on conversions.tenant = asked_rates.tenant
        and conversions.currency_code = asked_rates.currency_code
        and conversions.ordered_on = asked_rates.ordered_on
    inner join rates_to_anything as limit_rates
        on conversions.tenant = limit_rates.tenant
        and conversions.limit_currency_code = limit_rates.currency_code
        and conversions.ordered_on = limit_rates.ordered_on
        and asked_rates.to_currency_code = limit_rates.to_currency_code
),

with_rates as (
    select
        with_people.*,
        case
            when with_people.currency_code = with_people.limit_currency_code or with_people.limit_amount is null
            then with_people.currency_code
            else common_currencies.compared_currency_code
        end as compared_currency_code,
        case
            when with_people.currency_code = with_people.limit_currency_code or with_people.limit_amount is null
            then cast(1 as decimal(28, 12))
            else common_currencies.asked_rate
        end as asked_rate,
        case
            when with_people.currency_code = with_people.limit_currency_code or with_people.limit_amount is null
            then cast(1 as decimal(28, 12))
            else common_currencies.limit_rate
        end as limit_rate
    from with_people
    left join common_currencies
        on common_currencies.preference = 1
        and with_people.tenant = common_currencies.tenant
        and with_people.currency_code = common_currencies.currency_code
        and with_people.limit_currency_code = common_currencies.limit_currency_code
        and with_people.ordered_on = common_currencies.ordered_on
),

final as (
    select
        ---------- keys
        document_key,
        recon_key,
        document_id,
        approved_by,
        sales_owner_id,
        authority_id,

        ---------- strings
        currency_code,
        compared_currency_code,
        price_note,

        ---------- numerics
        document_amount,
        book_amount,
        priced_amount,
        price_deviation_amount,
        limit_amount,
        {{ line_amount('price_deviation_amount', 'asked_rate') }} as asked_price_amount,
        {{ line_amount('document_amount', 'asked_rate') }} as asked_document_amount,
        -- Nobody known has no authority.
        case
            when is_authority_known and limit_amount is not null then {{ line_amount('limit_amount', 'limit_rate') }}
            else {{ money('0') }}
        end as authority_amount,

        ---------- booleans
        is_amendment,
        is_authority_known,
        has_people,
        has_limits
    from with_rates
)

select * from final
