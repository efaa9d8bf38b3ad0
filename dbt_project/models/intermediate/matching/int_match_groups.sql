-- Grain: one row per (leg_code, anchor_key, currency_code): the group with its verdict.
-- Trap: expected_amount = matched_amount + open_amount + residual_amount, exactly; open and residual are
-- positive for what is still to come and negative for what came too much.

with leg_groups as (
    select * from {{ ref('int_leg_groups') }}
),

orders as (
    select
        recon_key,
        source,
        status_code,
        ordered_on
    from {{ ref('int_orders') }}
),

legs as (
    select * from {{ ref('legs') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

matching_rules as (
    select * from {{ ref('int_matching_rules__by_source') }}
),

residual_rules as (
    select * from {{ ref('residual_rules') }}
),

feed_gaps as (
    select * from {{ ref('int_feed_gaps') }}
),

assigned_groups as (
    select * from {{ ref('int_assigned_groups') }}
),

tolerated_shortages as (
    select * from {{ ref('int_tolerated_shortages') }}
    where is_within_budget
),

decisions as (
    select
        approval_id,
        match_id,
        action_code,
        reason,
        variance_amount,
        in_force_at
    from {{ ref('int_decisions_in_force') }}
    where action_code in ('forced_match', 'write_off')
),

-- Expectations that money is there for, but nobody can say for which of several: nothing is called missing.
ambiguous_anchors as (
    -- distinct: an expectation may be suggested several times
    select distinct
        leg_code,
        item_key as anchor_key,
        currency_code
    from {{ ref('int_suggested_groups') }}
    where side_code = 'expected'
        and is_ambiguous
),

gaps_of_all_tenants as (
    select * from feed_gaps
    where tenant is null
),

gaps_of_tenants as (
    select * from feed_gaps
    where tenant is not null
),

compared as (
    select
        leg_groups.*,
        'mt_' || {{ dbt.hash(joined_parts(['leg_groups.leg_code', 'leg_groups.anchor_key', 'leg_groups.currency_code'])) }}
            as match_id,
        legs.measure_code,
        orders.status_code as order_status_code,
        coalesce(orders.ordered_on, leg_groups.business_on, cast(leg_groups.last_event_at as date)) as ordered_on,
        coalesce(leg_groups.order_source, orders.source, leg_groups.any_source) as rule_source,
        case
            when legs.measure_code = 'quantity'
            then leg_groups.actual_quantity - leg_groups.expected_quantity
            else cast(leg_groups.actual_amount - leg_groups.expected_amount as decimal(24, 6))
        end as variance_measure,
        {{ money('leg_groups.actual_amount - leg_groups.expected_amount') }} as variance_amount,
        {{ money('leg_groups.rounding_count * (' ~ half_minor_unit('currencies.exponent') ~ ')') }}
            as rounding_bound_amount,
        coalesce(leg_groups.due_at <= {{ as_of() }}, true) as is_due,
        gaps_of_tenants.entity is not null or gaps_of_all_tenants.entity is not null as has_feed_gap,
        assigned_groups.group_key is not null as is_assigned,
        coalesce(assigned_groups.is_exchangeable, false) as is_exchangeable,
        coalesce(assigned_groups.kind_code = 'manual', false) or coalesce(leg_groups.has_decided_value, false) as is_manual,
        assigned_groups.residual_class as assigned_class,
        assigned_groups.residual_amount as assigned_residual_amount,
        assigned_groups.rule_id as assigned_rule_id,
        assigned_groups.rule_version as assigned_rule_version,
        assigned_groups.explanation as assigned_explanation,
        assigned_groups.score,
        assigned_groups.margin,
        ambiguous_anchors.anchor_key is not null as is_ambiguous,
        tolerated_shortages.rule_id as budget_rule_id,
        tolerated_shortages.rule_version as budget_rule_version
    from leg_groups
    inner join legs
        on leg_groups.leg_code = legs.leg_code
    left join orders
        on leg_groups.recon_key = orders.recon_key
    left join currencies
        on leg_groups.currency_code = currencies.currency_code
    left join gaps_of_tenants
        on leg_groups.tenant = gaps_of_tenants.tenant
        and legs.evidence_stream = gaps_of_tenants.entity
        and coalesce(leg_groups.order_source, orders.source, leg_groups.any_source) = gaps_of_tenants.source
        and coalesce(orders.ordered_on, leg_groups.business_on) <= gaps_of_tenants.gap_to_on
        and cast(leg_groups.due_at as date) >= gaps_of_tenants.gap_from_on
    left join gaps_of_all_tenants
        on legs.evidence_stream = gaps_of_all_tenants.entity
        and coalesce(leg_groups.order_source, orders.source, leg_groups.any_source) = gaps_of_all_tenants.source
    left join assigned_groups
        on leg_groups.leg_code = assigned_groups.leg_code
        and leg_groups.anchor_key = assigned_groups.anchor_key
        and leg_groups.currency_code = assigned_groups.currency_code
    left join ambiguous_anchors
        on leg_groups.leg_code = ambiguous_anchors.leg_code
        and leg_groups.anchor_key = ambiguous_anchors.anchor_key
        and leg_groups.currency_code = ambiguous_anchors.currency_code
    left join tolerated_shortages
        on leg_groups.leg_code = tolerated_shortages.leg_code
        and leg_groups.anchor_key = tolerated_shortages.anchor_key
        and leg_groups.currency_code = tolerated_shortages.currency_code
),

-- Only differences are looked up, and by an inner join: what a rule leaves open would turn an outer one into a loop.
-- Where nothing stayed (a deposit that was returned) all of it is missing: that is no charge.
residuals as (
    select
        compared.leg_code,
        compared.anchor_key,
        compared.currency_code,
        residual_rules.rule_id,
        residual_rules.residual_class
    from compared
    inner join residual_rules
        on compared.leg_code = residual_rules.leg_code
        and compared.rule_source = residual_rules.source
        and compared.ordered_on >= residual_rules.effective_from
        and compared.ordered_on < coalesce(residual_rules.effective_to, {{ end_of_time() }})
        and case when compared.variance_amount > 0 then 'over' else 'under' end = residual_rules.direction_code
        and compared.instalment_count >= residual_rules.least_instalments
    where compared.variance_amount <> 0
        and (residual_rules.admitted_class is null or compared.explained_class = residual_rules.admitted_class)
        and (residual_rules.most_amount is null or abs(compared.variance_amount) <= residual_rules.most_amount)
        and (
            (compared.expected_amount >= 0 and compared.actual_amount > 0)
            or (compared.expected_amount <= 0 and compared.actual_amount < 0)
        )
),

ruled as (
    select
        compared.*,
        matching_rules.rule_id,
        matching_rules.rule_version,
        residuals.rule_id as residual_rule_id,
        residuals.residual_class as residual_rule_class,
        case
            when compared.variance_amount < 0
            then greatest(
                    matching_rules.under_amount,
                    {{ money(wide('compared.expected_amount') ~ ' * matching_rules.under_rate') }}
                )
            else greatest(
                    matching_rules.over_amount,
                    {{ money(wide('compared.expected_amount') ~ ' * matching_rules.over_rate') }}
                )
        end as tolerance_amount
    from compared
    left join matching_rules
        on compared.leg_code = matching_rules.leg_code
        and compared.rule_source = matching_rules.source
        and compared.ordered_on >= matching_rules.effective_from
        and compared.ordered_on < coalesce(matching_rules.effective_to, {{ end_of_time() }})
    left join residuals
        on compared.leg_code = residuals.leg_code
        and compared.anchor_key = residuals.anchor_key
        and compared.currency_code = residuals.currency_code
),

-- What people decided holds for the very difference that they looked at: when documents change it, it is open again.
decided as (
    select
        ruled.*,
        decisions.approval_id,
        decisions.action_code as decided_action_code,
        decisions.reason as decided_reason,
        decisions.in_force_at as decided_at
    from ruled
    left join decisions
        on ruled.match_id = decisions.match_id
        and ruled.variance_amount = decisions.variance_amount
),

explained as (
    select
        decided.*,
        case
            when variance_measure = 0 then 'NONE'
            when decided_action_code = 'write_off' then 'WRITTEN_OFF'
            when decided_action_code is not null then 'DECIDED'
            when assigned_residual_amount = -variance_amount then assigned_class
            when measure_code = 'quantity' then 'UNEXPLAINED'
            when expectation_count = 0 or evidence_count = 0 then 'UNEXPLAINED'
            when actual_amount = explained_amount then explained_class
            when abs(variance_amount) <= rounding_bound_amount then 'ROUNDING'
            when residual_rule_class is not null then residual_rule_class
            when abs(variance_amount) <= tolerance_amount or budget_rule_id is not null then 'TOLERANCE'
            else 'UNEXPLAINED'
        end as residual_class
    from decided
),

judged as (
    select
        explained.*,
        coalesce(order_status_code in ('cancelled', 'deleted'), false) as is_cancelled,
        case
            when order_status_code in ('cancelled', 'deleted') and evidence_count = 0 then 'void'
            when residual_class in ('WRITTEN_OFF', 'DECIDED') then 'matched'
            -- What is left of a cancelled order is owed, but for what rounding its returned lines leaves.
            when leg_code = 'payment' and order_status_code in ('cancelled', 'deleted') and actual_amount > 0
                and (expected_amount <> 0 or residual_class = 'UNEXPLAINED')
            then 'exception'
            when residual_class <> 'UNEXPLAINED' then 'matched'
            when variance_amount > 0 and evidence_count > 0 and actual_amount <= ceiling_amount then 'partial'
            when variance_measure < 0 and not is_due and evidence_count = 0 then 'not_due'
            when variance_measure < 0 and not is_due and returned_amount <= received_amount then 'partial'
            when variance_measure < 0 and has_feed_gap and returned_amount <= received_amount then 'waiting'
            -- What is to go out (a refund in a settlement) is still to come while too little has gone.
            when variance_measure > 0 and expected_amount < 0 and actual_amount <= 0 and not is_due
            then case when evidence_count = 0 then 'not_due' else 'partial' end
            when variance_measure > 0 and expected_amount < 0 and actual_amount <= 0 and has_feed_gap then 'waiting'
            when is_ambiguous and evidence_count = 0 then 'waiting'
            else 'exception'
        end as status_code
    from explained
),

final as (
    select
        ---------- keys
        match_id,
        leg_code,
        anchor_key,
        currency_code,
        recon_key,
        tenant,
        order_source,
        seller_id,

        ---------- strings
        status_code,
        measure_code,
        order_status_code,
        residual_class,
        rule_id,
        rule_version,
        case
            when status_code <> 'matched' then 'none'
            when residual_class in ('WRITTEN_OFF', 'DECIDED')
            then case when decided_action_code = 'forced_match' then 'forced' else 'manual' end
            when is_manual then 'manual'
            when residual_class in ('NONE', 'ROUNDING') or actual_amount = explained_amount then 'auto'
            else 'tolerance'
        end as match_kind,
        case
            when residual_class in ('WRITTEN_OFF', 'DECIDED') then approval_id
            when is_assigned then assigned_rule_id
            when residual_class = residual_rule_class then residual_rule_id
            when residual_class = 'TOLERANCE' and budget_rule_id is not null then budget_rule_id
            else rule_id
        end as deciding_rule_id,
        case
            when residual_class in ('WRITTEN_OFF', 'DECIDED') then 1
            when is_assigned then assigned_rule_version
            when residual_class = 'TOLERANCE' and budget_rule_id is not null then budget_rule_version
            else rule_version
        end as deciding_rule_version,
        case
            when residual_class in ('WRITTEN_OFF', 'DECIDED')
            then 'Decided by hand (' || approval_id || '): ' || decided_reason
            else assigned_explanation
        end as assigned_explanation,

        ---------- numerics
        expectation_count,
        evidence_count,
        case when status_code = 'void' then {{ money('0') }} else expected_amount end as expected_amount,
        case when status_code = 'void' then expected_amount else {{ money('0') }} end as voided_amount,
        actual_amount as matched_amount,
        case
            when status_code = 'void' then {{ money('0') }}
            when residual_class in ('UNEXPLAINED') then {{ money('expected_amount - actual_amount') }}
            when measure_code = 'quantity' and residual_class = 'NONE' then {{ money('expected_amount - actual_amount') }}
            else {{ money('0') }}
        end as open_amount,
        case
            when status_code = 'void' or residual_class = 'UNEXPLAINED'
                or (measure_code = 'quantity' and residual_class = 'NONE')
            then {{ money('0') }}
            else {{ money('expected_amount - actual_amount') }}
        end as residual_amount,
        expected_quantity,
        actual_quantity,
        received_amount,
        returned_amount,
        instalment_count,
        rounding_bound_amount,
        tolerance_amount,
        variance_amount,
        variance_measure,
        score,
        margin,

        ---------- booleans
        is_due,
        has_feed_gap,
        is_cancelled,
        is_assigned,
        is_exchangeable,
        is_ambiguous,

        ---------- dates
        ordered_on,

        ---------- timestamps
        due_at,
        case
            when residual_class in ('WRITTEN_OFF', 'DECIDED') then decided_at
            else last_event_at
        end as last_event_at,
        case
            when residual_class in ('WRITTEN_OFF', 'DECIDED') then decided_at
            else last_known_at
        end as last_known_at
    from judged
)

select * from final
