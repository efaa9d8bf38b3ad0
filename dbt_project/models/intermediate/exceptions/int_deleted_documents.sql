-- Grain: one row per payment or invoice that its source deleted and that is all its order lacks: (source, stream, _row_key).
-- Trap: a document that was replaced, or whose order is right without it, is none. What was known of it is its last
-- version before the deletion, by the source's own stamp and not by arrival.

with deleted_keys as (
    -- distinct: a row may be deleted in several versions
    select distinct
        source,
        stream,
        _row_key
    from {{ ref('int_payments__unioned') }}
    where _is_deleted
    union all
    select distinct
        source,
        stream,
        _row_key
    from {{ ref('int_invoices__unioned') }}
    where _is_deleted
),

payment_kinds as (
    select * from {{ ref('payment_kinds') }}
    where is_evidence
),

payment_statuses as (
    select * from {{ ref('payment_statuses') }}
    where is_evidence
),

versions as (
    select
        'payment' as leg_code,
        stored.source,
        stored.stream,
        stored.tenant,
        stored.source_system,
        stored.source_instance,
        stored.payment_id as native_id,
        stored.order_ref,
        stored.currency_code,
        {{ money('stored.payment_amount * payment_kinds.cash_sign') }} as amount,
        payment_kinds.kind_code is not null and payment_statuses.status_code is not null as is_evidence,
        stored.updated_at,
        stored._row_key,
        stored._row_version,
        stored._business_on,
        stored._is_deleted,
        stored._observed_at
    from {{ ref('int_payments__unioned') }} as stored
    inner join deleted_keys
        on stored.source = deleted_keys.source
        and stored.stream = deleted_keys.stream
        and stored._row_key = deleted_keys._row_key
    left join payment_kinds
        on stored.kind_code = payment_kinds.kind_code
    left join payment_statuses
        on coalesce(stored.native_status, 'succeeded') = payment_statuses.status_code
    union all
    select
        'invoice' as leg_code,
        stored.source,
        stored.stream,
        stored.tenant,
        stored.source_system,
        stored.source_instance,
        stored.invoice_id as native_id,
        stored.order_ref,
        stored.currency_code,
        case
            when stored.kind_code = 'credit_memo' then {{ money('-abs(stored.total_amount)') }}
            else stored.total_amount
        end as amount,
        coalesce(stored.native_status, 'open') in ('open', 'paid') and not stored.is_provisional as is_evidence,
        stored.updated_at,
        stored._row_key,
        stored._row_version,
        stored._business_on,
        stored._is_deleted,
        stored._observed_at
    from {{ ref('int_invoices__unioned') }} as stored
    inner join deleted_keys
        on stored.source = deleted_keys.source
        and stored.stream = deleted_keys.stream
        and stored._row_key = deleted_keys._row_key
),

ranked as (
    select
        versions.*,
        row_number() over {{ versions_of('versions', 'newest') }} as recency,
        row_number() over {{ versions_of('versions', 'newest', ['versions._is_deleted']) }} as recency_of_kind
    from versions
),

deleted as (
    select
        known.leg_code,
        known.source,
        known.stream,
        known.tenant,
        known.source_system,
        known.source_instance,
        known.native_id,
        known.order_ref,
        known.currency_code,
        known.amount,
        known._row_key,
        latest._observed_at as deleted_at
    from ranked as latest
    inner join ranked as known
        on latest.source = known.source
        and latest.stream = known.stream
        and latest._row_key = known._row_key
        and not known._is_deleted
        and known.recency_of_kind = 1
    where latest.recency = 1
        and latest._is_deleted
        and known.is_evidence
        and known.amount <> 0
),

{{ resolved_refs('deleted') }},

open_groups as (
    select
        leg_code,
        recon_key,
        currency_code,
        {{ money('sum(variance_amount)') }} as variance_amount
    from {{ ref('int_match_groups') }}
    where recon_key is not null
        and leg_code in ('payment', 'invoice')
        and status_code not in ('matched', 'void')
    group by leg_code, recon_key, currency_code
),

deleted_amounts as (
    select
        leg_code,
        recon_key,
        currency_code,
        {{ money('sum(amount)') }} as amount
    from resolved
    where recon_key is not null
    group by leg_code, recon_key, currency_code
),

final as (
    select
        ---------- keys
        resolved.leg_code,
        resolved.source,
        resolved.stream,
        resolved.native_id,
        resolved.tenant,
        resolved.source_system,
        resolved.recon_key,

        ---------- strings
        resolved.currency_code,

        ---------- numerics
        resolved.amount,

        ---------- timestamps
        resolved.deleted_at,

        ---------- provenance
        resolved._row_key
    from resolved
    inner join deleted_amounts
        on resolved.leg_code = deleted_amounts.leg_code
        and resolved.recon_key = deleted_amounts.recon_key
        and resolved.currency_code = deleted_amounts.currency_code
    inner join open_groups
        on resolved.leg_code = open_groups.leg_code
        and resolved.recon_key = open_groups.recon_key
        and resolved.currency_code = open_groups.currency_code
        and open_groups.variance_amount = -deleted_amounts.amount
)

select * from final
