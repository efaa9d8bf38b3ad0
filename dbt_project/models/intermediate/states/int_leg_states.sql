-- Grain: one row per (recon_key, leg_code): the state of an order on a leg.
-- Trap: amounts of a leg in a foreign currency of the order are counted in that currency's own group only.

with groups as (
    select
        match_id,
        recon_key,
        leg_code,
        anchor_key,
        currency_code,
        status_code,
        match_kind,
        residual_class,
        expected_amount,
        matched_amount,
        open_amount,
        residual_amount,
        is_due,
        due_at,
        last_known_at,
        last_event_at
    from {{ ref('int_match_groups') }}
),

shared_expectations as (
    select
        leg_code,
        anchor_key,
        currency_code,
        recon_key,
        own_anchor_key,
        expected_amount,
        due_at
    from {{ ref('int_anchored_expectations') }}
    where is_shared
        and recon_key is not null
),

-- One receipt for several orders: each has what it expected, and the largest bears what is left over.
shares as (
    select
        groups.recon_key as group_recon_key,
        shared_expectations.recon_key,
        groups.leg_code,
        groups.currency_code,
        groups.status_code,
        groups.match_kind,
        groups.residual_class,
        shared_expectations.expected_amount,
        groups.open_amount,
        groups.residual_amount,
        row_number() over (
            partition by groups.match_id
            order by
                shared_expectations.expected_amount desc nulls last,
                shared_expectations.own_anchor_key asc nulls last
        ) as share_no,
        groups.is_due,
        shared_expectations.due_at,
        groups.last_known_at,
        groups.last_event_at
    from groups
    inner join shared_expectations
        on groups.leg_code = shared_expectations.leg_code
        and groups.anchor_key = shared_expectations.anchor_key
        and groups.currency_code = shared_expectations.currency_code
),

match_groups as (
    select
        recon_key,
        leg_code,
        currency_code,
        status_code,
        match_kind,
        residual_class,
        expected_amount,
        matched_amount,
        open_amount,
        residual_amount,
        is_due,
        due_at,
        last_known_at,
        last_event_at
    from groups
    where recon_key is not null
    union all
    select
        recon_key,
        leg_code,
        currency_code,
        status_code,
        match_kind,
        residual_class,
        expected_amount,
        {{ money('case when share_no = 1 then expected_amount - open_amount - residual_amount else expected_amount end') }}
            as matched_amount,
        case when share_no = 1 then open_amount else {{ money('0') }} end as open_amount,
        case when share_no = 1 then residual_amount else {{ money('0') }} end as residual_amount,
        is_due,
        due_at,
        last_known_at,
        last_event_at
    from shares
    where group_recon_key is null
),

orders as (
    select
        recon_key,
        currency_code,
        known_from
    from {{ ref('int_orders') }}
),

groups_summed_to_legs as (
    select
        match_groups.recon_key,
        match_groups.leg_code,
        count(*) as group_count,
        cast(sum(case when match_groups.status_code = 'exception' then 1 else 0 end) as bigint) as exception_count,
        cast(sum(case when match_groups.status_code = 'waiting' then 1 else 0 end) as bigint) as waiting_count,
        cast(sum(case when match_groups.status_code = 'partial' then 1 else 0 end) as bigint) as partial_count,
        cast(sum(case when match_groups.status_code = 'not_due' then 1 else 0 end) as bigint) as not_due_count,
        cast(sum(case when match_groups.status_code = 'matched' then 1 else 0 end) as bigint) as matched_count,
        max(case when match_groups.match_kind = 'tolerance' then 1 else 0 end) as tolerance_count,
        max(case when match_groups.match_kind = 'forced' then 1 else 0 end) as forced_count,
        max(case when match_groups.match_kind = 'manual' then 1 else 0 end) as manual_count,
        max(case when match_groups.residual_class not in ('NONE', 'UNEXPLAINED') then match_groups.residual_class end)
            as classified_residual_class,
        max(case when match_groups.residual_class = 'UNEXPLAINED' then 1 else 0 end) as unexplained_count,
        {{ money(same_currency('match_groups.expected_amount')) }} as expected_amount,
        {{ money(same_currency('match_groups.matched_amount')) }} as matched_amount,
        {{ money(same_currency('match_groups.open_amount')) }} as open_amount,
        {{ money(same_currency('match_groups.residual_amount')) }} as residual_amount,
        max(case when match_groups.is_due then 1 else 0 end) as due_count,
        min(
            case
                when match_groups.status_code in ('not_due', 'partial', 'waiting', 'exception') then match_groups.due_at
            end
        ) as open_due_at,
        min(match_groups.due_at) as first_due_at,
        max(match_groups.last_known_at) as last_known_at,
        max(match_groups.last_event_at) as last_event_at
    from match_groups
    inner join orders
        on match_groups.recon_key = orders.recon_key
    group by match_groups.recon_key, match_groups.leg_code
),

with_orders as (
    select
        groups_summed_to_legs.*,
        orders.currency_code,
        orders.known_from
    from groups_summed_to_legs
    inner join orders
        on groups_summed_to_legs.recon_key = orders.recon_key
),

final as (
    select
        ---------- keys
        recon_key,
        leg_code,

        ---------- strings
        currency_code,
        case
            when exception_count > 0 then 'exception'
            when waiting_count > 0 then 'waiting'
            when partial_count > 0 or (not_due_count > 0 and matched_count > 0) then 'partial'
            when not_due_count > 0 then 'not_due'
            when matched_count > 0 then 'matched'
            else 'void'
        end as status_code,
        case
            when exception_count + waiting_count + partial_count + not_due_count > 0 or matched_count = 0
            then 'none'
            when forced_count > 0 then 'forced'
            when manual_count > 0 then 'manual'
            when tolerance_count > 0 then 'tolerance'
            else 'auto'
        end as match_kind,
        case
            when unexplained_count > 0 then 'UNEXPLAINED'
            else coalesce(classified_residual_class, 'NONE')
        end as residual_class,

        ---------- numerics
        expected_amount,
        matched_amount,
        open_amount,
        residual_amount,

        ---------- booleans
        due_count > 0 as is_due,

        ---------- timestamps
        coalesce(open_due_at, first_due_at) as due_at,
        case
            when exception_count + waiting_count + partial_count + not_due_count = 0 and matched_count > 0
            then coalesce(last_known_at, known_from)
        end as matched_at,
        last_event_at
    from with_orders
)

select * from final
