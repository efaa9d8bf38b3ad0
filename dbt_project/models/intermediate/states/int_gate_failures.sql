-- Grain: one row per (recon_key, version_no, gate_code) that did not pass: failed, waived, or the gate did not run.
-- Trap: a gate without an answer of this run has judged nobody, so all its orders are here as not_run, not as passed.

with subjects as (
    select * from {{ ref('int_gate_subjects') }}
),

failed_rows as (
    select
        recon_key,
        order_version_no,
        expectation as gate_code
    from {{ ref('stg_gates__failed_rows') }}
    where gate_code = 'validation'
        and run_no = {{ var('run_no') }}
),

gates_that_ran as (
    select expectation as gate_code
    from {{ ref('stg_gates__validation_results') }}
    where gate_code = 'validation'
        and run_no = {{ var('run_no') }}
        and error_note is null
    group by expectation
),

orders as (
    select
        recon_key,
        sales_owner_id
    from {{ ref('int_orders') }}
),

-- Nobody takes on a failure of their own order.
gate_waivers as (
    select
        tenant,
        order_ref,
        gate_code,
        approved_by,
        reason
    from {{ ref('gate_waivers') }}
    where approved_by is not null
        and reason is not null
        and expires_on >= cast({{ as_of() }} as date)
),

-- Holds for the version of the order that was looked at; an amended order is judged anew.
approved_waivers as (
    select
        tenant,
        recon_key,
        version_no,
        gate_code,
        signed_by
    from {{ ref('int_decisions_in_force') }}
    where action_code = 'gate_waiver'
),

not_passed as (
    select
        subjects.*,
        'fail' as result_code
    from subjects
    inner join failed_rows
        on subjects.recon_key = failed_rows.recon_key
        and subjects.version_no = failed_rows.order_version_no
        and subjects.gate_code = failed_rows.gate_code
    inner join gates_that_ran
        on subjects.gate_code = gates_that_ran.gate_code
    union all
    select
        subjects.*,
        'not_run' as result_code
    from subjects
    left join gates_that_ran
        on subjects.gate_code = gates_that_ran.gate_code
    where gates_that_ran.gate_code is null
),

waived as (
    -- distinct: an order may be named by its id and by its key
    select distinct
        not_passed.recon_key,
        not_passed.gate_code
    from not_passed
    inner join orders
        on not_passed.recon_key = orders.recon_key
    inner join gate_waivers
        on not_passed.tenant = gate_waivers.tenant
        and not_passed.gate_code = gate_waivers.gate_code
    where not_passed.result_code = 'fail'
        and gate_waivers.order_ref in (not_passed.order_id, not_passed.recon_key)
        and gate_waivers.approved_by <> coalesce(orders.sales_owner_id, '')
    union all
    -- distinct: the same version may have been waived again before the first waiver ended
    select distinct
        not_passed.recon_key,
        not_passed.gate_code
    from not_passed
    inner join orders
        on not_passed.recon_key = orders.recon_key
    inner join approved_waivers
        on not_passed.tenant = approved_waivers.tenant
        and not_passed.recon_key = approved_waivers.recon_key
        and not_passed.version_no = approved_waivers.version_no
        and not_passed.gate_code = approved_waivers.gate_code
    where not_passed.result_code = 'fail'
        and coalesce(approved_waivers.signed_by, '-') <> coalesce(orders.sales_owner_id, '')
),

waived_once as (
    -- distinct: by a row of the seed and by an approval
    select distinct
        recon_key,
        gate_code
    from waived
),

final as (
    select
        ---------- keys
        not_passed.recon_key,
        not_passed.version_no,
        not_passed.gate_code,
        not_passed.tenant,
        not_passed.order_id,
        not_passed.native_ref,
        not_passed.exception_code,

        ---------- strings
        case when waived_once.recon_key is not null then 'waived' else not_passed.result_code end as result_code,
        not_passed.expected_value,
        case
            when not_passed.result_code = 'not_run' then 'the gate did not run'
            else not_passed.actual_value
        end as actual_value,
        not_passed.currency_code,
        not_passed.leak_kind,

        ---------- numerics
        not_passed.rule_version,
        not_passed.at_risk_amount,
        not_passed.expected_amount,
        not_passed.actual_amount,

        ---------- booleans
        not_passed.is_holding and waived_once.recon_key is null as is_held,

        ---------- timestamps
        not_passed.known_from
    from not_passed
    left join waived_once
        on not_passed.recon_key = waived_once.recon_key
        and not_passed.gate_code = waived_once.gate_code
)

select * from final
