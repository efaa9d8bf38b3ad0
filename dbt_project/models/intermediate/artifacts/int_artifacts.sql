-- Grain: one row per document that a downstream system should hold, as it is now.
-- Trap: ready means that nothing speaks against it; whether and when it was sent is the ledger's to know.

with documents as (
    {%- for family in ['billing', 'fulfilment', 'revenue'] %}
    select
        documents.recon_key,
        documents.version_no,
        orders.tenant,
        documents.natural_key,
        documents.artifact_kind,
        documents.currency_code,
        documents.payload,
        documents.artifact_amount,
        documents.is_provisional,
        orders.ordered_on as decided_on
    from {{ ref('int_artifact_documents__' ~ family) }} as documents
    inner join {{ ref('int_orders') }} as orders
        on documents.recon_key = orders.recon_key
    where not orders.is_test
        and not orders.is_synthetic
    union all
    {%- endfor %}
    select
        recon_key,
        version_no,
        tenant,
        natural_key,
        artifact_kind,
        currency_code,
        payload,
        artifact_amount,
        is_provisional,
        decided_on
    from {{ ref('int_artifact_documents__sellers') }}
    where not {{ is_synthetic('tenant') }}
),

artifact_rules as (
    select * from {{ ref('artifact_rules') }}
),

order_types as (
    -- distinct: many orders are of one type
    select distinct coalesce(order_type, '') as order_type from {{ ref('int_orders') }}
    union
    select '' as order_type
),

own_rules as (
    -- distinct: a rule has several versions
    select distinct
        order_type,
        artifact_kind
    from artifact_rules
    where order_type <> '*'
),

-- A rule of the order's own type goes before one of any.
rules_of_types as (
    select
        order_types.order_type,
        artifact_rules.artifact_kind,
        artifact_rules.rule_id,
        artifact_rules.rule_version,
        artifact_rules.effective_from,
        coalesce(artifact_rules.effective_to, {{ end_of_time() }}) as effective_to,
        artifact_rules.target_code,
        artifact_rules.needs_reconciled,
        artifact_rules.holding_legs
    from order_types
    inner join artifact_rules
        on artifact_rules.order_type in ('*', order_types.order_type)
    left join own_rules
        on order_types.order_type = own_rules.order_type
        and artifact_rules.artifact_kind = own_rules.artifact_kind
    where artifact_rules.order_type <> '*'
        or own_rules.order_type is null
),

orders as (
    select
        orders.recon_key,
        coalesce(orders.order_type, '') as order_type,
        orders.status_code,
        order_states.state_code
    from {{ ref('int_orders') }} as orders
    left join {{ ref('int_order_states') }} as order_states
        on orders.recon_key = order_states.recon_key
),

ruled as (
    select
        documents.*,
        orders.status_code,
        orders.state_code,
        rules_of_types.rule_id,
        rules_of_types.rule_version,
        rules_of_types.target_code,
        rules_of_types.needs_reconciled,
        rules_of_types.holding_legs
    from documents
    left join orders
        on documents.recon_key = orders.recon_key
    inner join rules_of_types
        on documents.artifact_kind = rules_of_types.artifact_kind
        and coalesce(orders.order_type, '') = rules_of_types.order_type
        and documents.decided_on >= rules_of_types.effective_from
        and documents.decided_on < rules_of_types.effective_to
),

gates as (
    select
        recon_key,
        min(gate_code) as gate_code
    from {{ ref('int_gate_failures') }}
    where is_held
    group by recon_key
),

leg_codes as (
    select leg_code from {{ ref('legs') }}
    union all
    select 'order' as leg_code
    union all
    select '' as leg_code
),

kinds_and_legs as (
    -- distinct: several rules of a kind may name the same legs
    select distinct
        rules_of_types.artifact_kind,
        rules_of_types.holding_legs,
        leg_codes.leg_code
    from rules_of_types
    inner join leg_codes
        on rules_of_types.holding_legs = '*'
        or leg_codes.leg_code = ''
        or strpos('|' || rules_of_types.holding_legs || '|', '|' || leg_codes.leg_code || '|') > 0
),

decisions as (
    select approval_id
    from {{ ref('int_decisions_in_force') }}
),

exceptions as (
    select
        exceptions.recon_key,
        kinds_and_legs.artifact_kind,
        kinds_and_legs.holding_legs,
        min(exceptions.exception_code) as exception_code
    from {{ ref('int_exceptions') }} as exceptions
    inner join kinds_and_legs
        on coalesce(exceptions.leg_code, '') = kinds_and_legs.leg_code
    left join decisions
        on exceptions.native_ref = decisions.approval_id
    where exceptions.recon_key is not null
        -- What others approved takes effect; that it is looked at once more afterwards holds nothing back.
        and (exceptions.exception_code <> 'CTL_OVERRIDE' or decisions.approval_id is null)
        -- That a receiver is away or refuses says nothing against the document: else no outage would ever end.
        and exceptions.family_code <> 'system'
    group by exceptions.recon_key, kinds_and_legs.artifact_kind, kinds_and_legs.holding_legs
),

final as (
    select
        ---------- keys
        {{ deterministic_id('ar_', [
            'ruled.artifact_kind', 'ruled.tenant', 'ruled.recon_key', 'ruled.natural_key', 'ruled.payload',
        ]) }} as artifact_id,
        ruled.artifact_kind,
        ruled.recon_key,
        ruled.tenant,
        ruled.tenant || '/' || ruled.natural_key as natural_key,
        coalesce(ruled.recon_key, ruled.tenant || '/' || ruled.natural_key) as order_key,
        ruled.version_no as order_version,
        ruled.rule_id,
        ruled.rule_version,
        ruled.target_code,

        ---------- strings
        {{ sha256_hex('ruled.payload') }} as content_hash,
        ruled.currency_code,
        case
            when gates.gate_code is not null then 'GATE'
            when ruled.status_code in ('cancelled', 'deleted') then 'ORDER_CANCELLED'
            when exceptions.exception_code is not null then 'EXCEPTION'
            when ruled.needs_reconciled and ruled.recon_key is not null and ruled.state_code <> 'reconciled'
            then 'NOT_RECONCILED'
            when ruled.artifact_kind = 'commission_statement' and ruled.is_provisional then 'PERIOD_OPEN'
        end as hold_code,
        coalesce(gates.gate_code, exceptions.exception_code) as held_by,
        ruled.payload,

        ---------- numerics
        ruled.artifact_amount,

        ---------- booleans
        ruled.is_provisional
    from ruled
    left join gates
        on ruled.recon_key = gates.recon_key
    left join exceptions
        on ruled.recon_key = exceptions.recon_key
        and ruled.artifact_kind = exceptions.artifact_kind
        and ruled.holding_legs = exceptions.holding_legs
)

select * from final
