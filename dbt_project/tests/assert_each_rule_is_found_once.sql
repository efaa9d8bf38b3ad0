-- Harm prevented: a rule that stands twice in a seed doubles every row that it is joined to, and with it money.
-- A key of a seed stands once; of rules with dates, no two hold on the same day.

with keys as (
    select 'currencies' as seed_name, currency_code as rule_key from {{ ref('currencies') }}
    union all
    select 'id_rules' as seed_name, system as rule_key from {{ ref('id_rules') }}
    union all
    select 'order_statuses' as seed_name, source || ' ' || native_status as rule_key from {{ ref('order_statuses') }}
    union all
    select 'payment_kinds' as seed_name, kind_code as rule_key from {{ ref('payment_kinds') }}
    union all
    select 'payment_statuses' as seed_name, status_code as rule_key from {{ ref('payment_statuses') }}
    union all
    select 'payment_terms' as seed_name, payment_terms as rule_key from {{ ref('payment_terms') }}
    union all
    select 'shipment_statuses' as seed_name, status_code as rule_key from {{ ref('shipment_statuses') }}
    union all
    select 'entity_dispositions' as seed_name, entity as rule_key from {{ ref('entity_dispositions') }}
    union all
    select 'legs' as seed_name, leg_code as rule_key from {{ ref('legs') }}
    union all
    select 'exception_classes' as seed_name, exception_code as rule_key from {{ ref('exception_classes') }}
    union all
    select 'severity_policies' as seed_name, severity_code as rule_key from {{ ref('severity_policies') }}
),

dated_rules as (
    select
        'leg_windows' as seed_name,
        leg_code || ' ' || order_type as rule_key,
        effective_from,
        effective_to
    from {{ ref('leg_windows') }}
    union all
    select
        'sla_policies' as seed_name,
        order_type as rule_key,
        effective_from,
        effective_to
    from {{ ref('sla_policies') }}
    union all
    select
        'matching_rules' as seed_name,
        leg_code || ' ' || source as rule_key,
        effective_from,
        effective_to
    from {{ ref('matching_rules') }}
    union all
    select
        'residual_rules' as seed_name,
        leg_code || ' ' || source || ' ' || direction_code as rule_key,
        effective_from,
        effective_to
    from {{ ref('residual_rules') }}
    union all
    select
        'billing_rules' as seed_name,
        rule_code as rule_key,
        effective_from,
        effective_to
    from {{ ref('billing_rules') }}
    union all
    select
        'stamp_rules' as seed_name,
        source_system as rule_key,
        effective_from,
        effective_to
    from {{ ref('stamp_rules') }}
),

rules_ranked as (
    select
        seed_name,
        rule_key,
        effective_from,
        lag(coalesce(effective_to, cast('9999-12-31' as date))) over (
            partition by seed_name, rule_key
            order by effective_from, coalesce(effective_to, cast('9999-12-31' as date))
        ) as earlier_ends_on
    from dated_rules
)

select
    seed_name,
    rule_key
from keys
group by seed_name, rule_key
having count(*) > 1
union all
select
    seed_name,
    rule_key
from rules_ranked
where effective_from < earlier_ends_on
