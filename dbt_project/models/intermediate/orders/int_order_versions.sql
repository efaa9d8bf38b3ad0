-- Grain: one row per (recon_key, version_no): the order as it was after each change.
-- Trap: total_amount is null where the source cannot say it (no items): null is unknown, not zero.

with headers as (
    select * from {{ ref('int_order_headers__versioned') }}
),

restated_lines as (
    select
        recon_key,
        changed_at,
        _observed_at
    from {{ ref('int_order_lines__keyed') }}
    where recon_key is not null
        and version_rank > 1
),

-- A line that was restated without its header is a change of the order too; several at once are one.
line_changes as (
    select
        recon_key,
        changed_at as version_at,
        min(_observed_at) as known_from
    from restated_lines
    group by recon_key, changed_at
),

line_changes_without_header as (
    select
        line_changes.recon_key,
        line_changes.version_at,
        line_changes.known_from
    from line_changes
    left join headers
        on line_changes.recon_key = headers.recon_key
        and line_changes.version_at = headers.version_at
    where headers.recon_key is null
),

families as (
    select
        recon_key,
        count(*) as header_count
    from headers
    group by recon_key
),

families_with_line_changes as (
    -- distinct: an order with several line changes is named once
    select distinct recon_key from line_changes_without_header
),

changed_families as (
    select families.recon_key
    from families
    left join families_with_line_changes
        on families.recon_key = families_with_line_changes.recon_key
    where families.header_count > 1
        or families_with_line_changes.recon_key is not null
),

changed_headers as (
    select headers.*
    from headers
    inner join changed_families
        on headers.recon_key = changed_families.recon_key
),

events as (
    select
        recon_key,
        order_id as document_ref,
        case when not is_amendment and version_rank = 1 then 0 else 1 end as is_after_creation,
        version_at,
        _observed_at as known_from,
        true as is_header,
        is_amendment,
        _row_key,
        _row_version,
        total_change_amount,
        approved_by,
        ordered_at,
        effective_on
    from changed_headers
    union all
    select
        recon_key,
        null as document_ref,
        1 as is_after_creation,
        version_at,
        known_from,
        false as is_header,
        false as is_amendment,
        null as _row_key,
        null as _row_version,
        {{ money('0') }} as total_change_amount,
        null as approved_by,
        null as ordered_at,
        null as effective_on
    from line_changes_without_header
),

events_numbered as (
    select
        recon_key,
        document_ref,
        version_at,
        known_from,
        is_header,
        is_amendment,
        _row_key,
        _row_version,
        total_change_amount,
        approved_by,
        ordered_at,
        effective_on,
        row_number() over change_order as version_no,
        {{ money("""
            sum(total_change_amount) over (
                partition by recon_key
                order by
                    is_after_creation nulls last,
                    version_at nulls last,
                    is_amendment nulls last,
                    ordered_at nulls first,
                    _row_key nulls first,
                    _row_version nulls first
                rows between unbounded preceding and current row
            )
        """) }} as total_amount,
        lead(known_from) over change_order as known_to,
        lead(coalesce(cast(effective_on as timestamp), version_at)) over change_order as next_valid_from
    from events
    window change_order as (
        partition by recon_key
        order by
            is_after_creation nulls last,
            version_at nulls last,
            is_amendment nulls last,
            ordered_at nulls first,
            _row_key nulls first,
            _row_version nulls first
    )
),

-- The fields of a version are those of the order's own last header, not of an amendment's.
base_positions as (
    select
        events_numbered.recon_key,
        events_numbered.version_no,
        max(base_events.version_no) as base_version_no
    from events_numbered
    inner join events_numbered as base_events
        on events_numbered.recon_key = base_events.recon_key
        and events_numbered.version_no >= base_events.version_no
    where base_events.is_header
        and not base_events.is_amendment
    group by events_numbered.recon_key, events_numbered.version_no
),

changed_versions as (
    select
        events_numbered.recon_key,
        events_numbered.document_ref,
        events_numbered.version_no,
        events_numbered.total_amount,
        events_numbered.version_at,
        events_numbered.known_from,
        events_numbered.known_to,
        events_numbered.next_valid_from,
        events_numbered.approved_by,
        coalesce(
            cast(events_numbered.effective_on as timestamp),
            case when events_numbered.version_no = 1 then events_numbered.ordered_at else events_numbered.version_at end
        ) as valid_from,
        case
            when events_numbered.version_no = 1 then 'created'
            when events_numbered.is_amendment then 'amended'
            when not events_numbered.is_header then 'lines_changed'
            when events_numbered.total_change_amount <> 0 then 'repriced'
            else 'restated'
        end as change_kind,
        base_events._row_key as base_row_key,
        base_events._row_version as base_row_version
    from events_numbered
    inner join base_positions
        on events_numbered.recon_key = base_positions.recon_key
        and events_numbered.version_no = base_positions.version_no
    inner join events_numbered as base_events
        on base_positions.recon_key = base_events.recon_key
        and base_positions.base_version_no = base_events.version_no
),

versions as (
    select
        headers.*,
        1 as version_no,
        'created' as change_kind,
        headers.total_amount as version_total_amount,
        headers.approved_by as version_approved_by,
        headers.order_id as version_document_ref,
        headers.version_at as changed_at,
        coalesce(cast(headers.effective_on as timestamp), headers.ordered_at) as valid_from,
        cast(null as timestamp) as valid_to,
        headers._observed_at as known_from,
        cast(null as timestamp) as known_to,
        true as is_current,
        true as is_only_version
    from headers
    left join changed_families
        on headers.recon_key = changed_families.recon_key
    where changed_families.recon_key is null
    union all
    select
        changed_headers.*,
        changed_versions.version_no,
        changed_versions.change_kind,
        changed_versions.total_amount as version_total_amount,
        changed_versions.approved_by as version_approved_by,
        changed_versions.document_ref as version_document_ref,
        changed_versions.version_at as changed_at,
        changed_versions.valid_from,
        -- A change that holds from before this version leaves it no time of its own.
        case
            when changed_versions.next_valid_from is not null
            then greatest(changed_versions.next_valid_from, changed_versions.valid_from)
        end as valid_to,
        changed_versions.known_from,
        changed_versions.known_to,
        changed_versions.next_valid_from is null as is_current,
        false as is_only_version
    from changed_versions
    inner join changed_headers
        on changed_versions.base_row_key = changed_headers._row_key
        and changed_versions.base_row_version = changed_headers._row_version
),

final as (
    select
        ---------- keys
        recon_key,
        cast(version_no as bigint) as version_no,
        tenant,
        order_id,
        source,
        source_system,
        source_instance,
        customer_id,
        contract_id,
        renews_order_id,
        opportunity_id,
        sales_owner_id,

        ---------- strings
        order_type,
        coalesce(channel, '') as channel,
        currency_code,
        payment_terms,
        status_code,
        change_kind,
        version_approved_by as approved_by,
        version_document_ref as document_ref,

        ---------- numerics
        discount_amount,
        shipping_amount,
        tax_amount,
        tip_amount,
        version_total_amount as total_amount,

        ---------- booleans
        coalesce(is_tax_included, false) as is_tax_included,
        is_test,
        is_open_for_delivery,
        is_due_for_payment,
        is_current,
        is_only_version,

        ---------- dates
        effective_on,
        ends_on,

        ---------- timestamps
        ordered_at,
        promised_at,
        changed_at as version_at,
        valid_from,
        valid_to,
        known_from,
        known_to
    from versions
)

select * from final
