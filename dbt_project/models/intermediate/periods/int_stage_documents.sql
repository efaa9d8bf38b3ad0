-- Grain: one row per stored version of a document that books, ships, invoices, pays or settles something of an order.
-- Trap: all versions are here, each with what it was worth as it then stood; a version that counts nothing has amount 0.
-- Only the newest version of a row, by its source, may be summed.

with booked as (
    select
        source,
        stream,
        tenant,
        source_system,
        source_instance,
        order_id as native_id,
        recon_key,
        'booked' as stage_code,
        currency_code,
        case
            when status_code in ('confirmed', 'closed') and not is_test then coalesce(total_amount, {{ money('0') }})
            else {{ money('0') }}
        end as amount,
        ordered_at as first_clock_at,
        coalesce(cast(effective_on as timestamp), ordered_at) as second_clock_at,
        _row_key,
        _row_version,
        updated_at,
        _business_on,
        _observed_at
    from {{ ref('int_order_headers__versioned') }}
),

-- The order of a document is that of its newest version.
invoices_placed as (
    select
        source,
        stream,
        _row_key,
        recon_key
    from {{ ref('int_invoice_rows__placed') }}
    where row_kind = 'DOCUMENT'
        and recon_key is not null
),

invoiced as (
    select
        invoices.source,
        invoices.stream,
        invoices.tenant,
        invoices.source_system,
        invoices.source_instance,
        invoices.invoice_id as native_id,
        invoices_placed.recon_key,
        'invoiced' as stage_code,
        invoices.currency_code,
        case
            when invoices._is_deleted or coalesce(invoices.native_status, 'open') in ('void', 'draft') then {{ money('0') }}
            when coalesce(invoices.kind_code, 'invoice') = 'credit_memo' then {{ money('-abs(invoices.total_amount)') }}
            when invoices.is_provisional then {{ money('0') }}
            else invoices.total_amount
        end as amount,
        invoices.issued_at as first_clock_at,
        invoices.issued_at as second_clock_at,
        invoices._row_key,
        invoices._row_version,
        invoices.updated_at,
        invoices._business_on,
        invoices._observed_at
    from {{ ref('int_invoices__unioned') }} as invoices
    left join invoices_placed
        on invoices.source = invoices_placed.source
        and invoices.stream = invoices_placed.stream
        and invoices._row_key = invoices_placed._row_key
),

payment_kinds as (
    select * from {{ ref('payment_kinds') }}
),

payment_statuses as (
    select * from {{ ref('payment_statuses') }}
),

-- A payment of several orders belongs to no one of them.
payments_placed as (
    select
        source,
        stream,
        _row_key,
        min(recon_key) as recon_key
    from {{ ref('int_evidence') }}
    where leg_code = 'payment'
        and recon_key is not null
    group by source, stream, _row_key
    having min(recon_key) = max(recon_key)
),

paid as (
    select
        payments.source,
        payments.stream,
        payments.tenant,
        payments.source_system,
        payments.source_instance,
        payments.payment_id as native_id,
        payments_placed.recon_key,
        'paid' as stage_code,
        payments.currency_code,
        case
            when payments._is_deleted or not payment_statuses.is_evidence or not payment_kinds.is_evidence then {{ money('0') }}
            else {{ money('payments.payment_amount * payment_kinds.cash_sign') }}
        end as amount,
        payments.occurred_at as first_clock_at,
        payments.occurred_at as second_clock_at,
        payments._row_key,
        payments._row_version,
        payments.updated_at,
        payments._business_on,
        payments._observed_at
    from {{ ref('int_payments__unioned') }} as payments
    inner join payment_kinds
        on payments.kind_code = payment_kinds.kind_code
    inner join payment_statuses
        on coalesce(payments.native_status, 'succeeded') = payment_statuses.status_code
    left join payments_placed
        on payments.source = payments_placed.source
        and payments.stream = payments_placed.stream
        and payments._row_key = payments_placed._row_key
),

settlement_lines_placed as (
    select
        source,
        stream,
        _row_key,
        recon_key
    from {{ ref('int_settlement_lines__resolved') }}
    where is_evidence
),

settled as (
    select
        settlement_lines.source,
        settlement_lines.stream,
        settlement_lines.tenant,
        settlement_lines.source_system,
        settlement_lines.source_instance,
        settlement_lines.batch_id || '/' || cast(settlement_lines.line_no as {{ dbt.type_string() }}) as native_id,
        settlement_lines_placed.recon_key,
        'settled' as stage_code,
        settlement_lines.currency_code,
        case
            when settlement_lines._is_deleted then {{ money('0') }}
            else coalesce(settlement_lines.gross_amount, {{ money('0') }})
        end as amount,
        settlement_lines.posted_at as first_clock_at,
        settlement_lines.posted_at as second_clock_at,
        settlement_lines._row_key,
        settlement_lines._row_version,
        settlement_lines.updated_at,
        settlement_lines._business_on,
        settlement_lines._observed_at
    from {{ ref('int_settlement_lines__unioned') }} as settlement_lines
    inner join settlement_lines_placed
        on settlement_lines.source = settlement_lines_placed.source
        and settlement_lines.stream = settlement_lines_placed.stream
        and settlement_lines._row_key = settlement_lines_placed._row_key
),

-- What a parcel is worth follows the order line; when it left stands in its header as it is now.
shipment_lines_placed as (
    select
        source,
        stream,
        _row_key,
        recon_key,
        currency_code,
        line_amount,
        quantity,
        is_return,
        has_come_back
    from {{ ref('int_shipment_lines__resolved') }}
    where quantity > 0
        and line_key is not null
),

shipments as (
    select
        source,
        tenant,
        source_system,
        source_instance,
        shipment_id,
        shipped_at,
        delivered_at,
        _observed_at
    from {{ ref('int_shipments__latest') }}
),

shipped as (
    select
        shipment_lines.source,
        shipment_lines.stream,
        shipment_lines.tenant,
        shipment_lines.source_system,
        shipment_lines.source_instance,
        shipment_lines.shipment_id || '/' || cast(shipment_lines.line_no as {{ dbt.type_string() }}) as native_id,
        shipment_lines_placed.recon_key,
        'shipped' as stage_code,
        shipment_lines_placed.currency_code,
        case
            when shipment_lines._is_deleted or shipment_lines_placed.has_come_back then {{ money('0') }}
            else {{ shared_amount('shipment_lines_placed.line_amount', 'shipment_lines.quantity', 'shipment_lines_placed.quantity') }}
                * case when shipment_lines_placed.is_return then -1 else 1 end
        end as amount,
        shipments.shipped_at as first_clock_at,
        coalesce(shipments.delivered_at, shipments.shipped_at) as second_clock_at,
        shipment_lines._row_key,
        shipment_lines._row_version,
        shipment_lines.updated_at,
        shipment_lines._business_on,
        shipment_lines._observed_at
    from {{ ref('int_shipment_lines__unioned') }} as shipment_lines
    inner join shipment_lines_placed
        on shipment_lines.source = shipment_lines_placed.source
        and shipment_lines.stream = shipment_lines_placed.stream
        and shipment_lines._row_key = shipment_lines_placed._row_key
    inner join shipments
        on shipment_lines.source = shipments.source
        and shipment_lines.tenant = shipments.tenant
        and shipment_lines.source_system = shipments.source_system
        and shipment_lines.source_instance = shipments.source_instance
        and shipment_lines.shipment_id = shipments.shipment_id
),

staged as (
    {%- for stage in ['booked', 'invoiced', 'paid', 'settled', 'shipped'] %}
    select * from {{ stage }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

test_orders as (
    select recon_key from {{ ref('int_orders') }}
    where is_test
),

booking_clocks as (
    select * from {{ ref('booking_clocks') }}
),

booking_zones as (
    select * from {{ ref('booking_zones') }}
),

clocked as (
    select
        staged.*,
        coalesce(
            zones_of_instances.zone_name, zones_of_systems.zone_name, zones_of_tenants.zone_name, zone_of_all.zone_name, 'UTC'
        ) as zone_name,
        case
            when coalesce(own_clocks.clock_code, clocks_of_all.clock_code) in ('effective_on', 'delivered_at')
            then staged.second_clock_at
            else staged.first_clock_at
        end as booked_at,
        coalesce(own_clocks.clock_code, clocks_of_all.clock_code) as clock_code,
        coalesce(own_clocks.stage_rank, clocks_of_all.stage_rank) as stage_rank
    from staged
    left join booking_clocks as own_clocks
        on staged.stage_code = own_clocks.stage_code
        and staged.source = own_clocks.source
        and cast(staged.first_clock_at as date) >= own_clocks.effective_from
        and cast(staged.first_clock_at as date) < coalesce(own_clocks.effective_to, {{ end_of_time() }})
    inner join booking_clocks as clocks_of_all
        on staged.stage_code = clocks_of_all.stage_code
        and cast(staged.first_clock_at as date) >= clocks_of_all.effective_from
        and cast(staged.first_clock_at as date) < coalesce(clocks_of_all.effective_to, {{ end_of_time() }})
    left join booking_zones as zones_of_instances
        on staged.tenant = zones_of_instances.tenant
        and staged.source_system = zones_of_instances.source_system
        and staged.source_instance = zones_of_instances.source_instance
    left join booking_zones as zones_of_systems
        on staged.tenant = zones_of_systems.tenant
        and staged.source_system = zones_of_systems.source_system
        and zones_of_systems.source_instance = '*'
    left join booking_zones as zones_of_tenants
        on staged.tenant = zones_of_tenants.tenant
        and zones_of_tenants.source_system = '*'
        and zones_of_tenants.source_instance = '*'
    cross join booking_zones as zone_of_all
    left join test_orders
        on staged.recon_key = test_orders.recon_key
    where test_orders.recon_key is null
        and not {{ is_synthetic('staged.tenant') }}
        and clocks_of_all.source = '*'
        and zone_of_all.tenant = '*'
        and zone_of_all.source_system = '*'
        and zone_of_all.source_instance = '*'
),

booked_locally as (
    select
        *,
        case
            when zone_name = 'UTC' then cast(booked_at as date)
            -- A clock that is a day already is nobody's moment.
            when clock_code = 'effective_on' and booked_at <> first_clock_at then cast(booked_at as date)
            else cast({{ utc_to_local('booked_at', 'zone_name') }} as date)
        end as booked_on
    from clocked
),

final as (
    select
        ---------- keys
        source,
        stream,
        tenant,
        source_system,
        source_instance,
        native_id,
        recon_key,

        ---------- strings
        stage_code,
        currency_code,
        substring(cast(booked_on as {{ dbt.type_string() }}), 1, 7) as period_code,

        ---------- numerics
        {{ money('amount') }} as amount,
        cast(stage_rank as bigint) as stage_rank,

        ---------- dates
        booked_on,

        ---------- timestamps
        booked_at,

        ---------- provenance
        updated_at,
        _row_key,
        _row_version,
        _business_on,
        _observed_at
    from booked_locally
    where booked_on is not null
)

select * from final
