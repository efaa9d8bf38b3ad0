-- Grain: one row per (side_code, member_key) of a bank group that identifiers make: a bank line that names an item.
-- Trap: an anchor is the first item of its group. A line may name several items and an item may be named by several
-- lines: all of them are one group. Where a line names several items and one of them alone has its very amount, it
-- is that one; where all of them together do, it is all.

{#- Each round carries the first item one line further through a group; banks do not chain more than this. #}
{%- set rounds = 3 %}

with items as (
    select * from {{ ref('int_bank_items') }}
),

identifiers as (
    select
        item_key,
        tenant,
        currency_code,
        {{ id_word('first_identifier') }} as word
    from items
    union all
    select
        item_key,
        tenant,
        currency_code,
        {{ id_word('second_identifier') }} as word
    from items
    union all
    select
        item_key,
        tenant,
        currency_code,
        {{ id_word('third_identifier') }} as word
    from items
),

bank_lines as (
    select
        {{ joined_parts(['source', 'stream', row_key_text('_row_key')]) }} as line_key,
        tenant,
        currency_code,
        bank_amount,
        reference_note
    from {{ ref('int_bank_lines__latest') }}
    where reference_note is not null
),

words as (
    select
        line_key,
        tenant,
        currency_code,
        bank_amount,
        {{ unnest_words(words_of('reference_note')) }} as word
    from bank_lines
),

-- A short number may be anything (a day, a count): it names an item only where it is the whole text.
usable_words as (
    select
        line_key,
        tenant,
        currency_code,
        bank_amount,
        word
    from words
    where (length(word) >= 2 and translate(word, '0123456789', '') <> '')
        or length(word) >= 4
    union all
    select
        line_key,
        tenant,
        currency_code,
        bank_amount,
        {{ id_word('reference_note') }} as word
    from bank_lines
),

-- distinct: a line may name an item in several ways
hits as (
    select distinct
        usable_words.line_key,
        usable_words.bank_amount,
        identifiers.item_key
    from usable_words
    inner join identifiers
        on usable_words.tenant = identifiers.tenant
        and usable_words.currency_code = identifiers.currency_code
        and usable_words.word = identifiers.word
    where usable_words.word <> ''
),

hits_with_amounts as (
    select
        hits.line_key,
        hits.item_key,
        hits.bank_amount = items.expected_amount as is_exact,
        hits.bank_amount,
        items.expected_amount
    from hits
    inner join items
        on hits.item_key = items.item_key
),

hits_summed_to_lines as (
    select
        line_key,
        cast(sum(case when is_exact then 1 else 0 end) as bigint) as exact_count,
        {{ money('sum(expected_amount)') }} = max(bank_amount) as is_sum
    from hits_with_amounts
    group by line_key
),

edges as (
    select
        hits_with_amounts.line_key,
        hits_with_amounts.item_key
    from hits_with_amounts
    inner join hits_summed_to_lines
        on hits_with_amounts.line_key = hits_summed_to_lines.line_key
    where hits_with_amounts.is_exact
        or hits_summed_to_lines.is_sum
        or hits_summed_to_lines.exact_count <> 1
),

labels_0 as (
    select
        line_key,
        item_key,
        item_key as label
    from edges
),

{%- for number in range(1, rounds + 1) %}
labels_of_lines_{{ number }} as (
    select
        line_key,
        min(label) as label
    from labels_{{ number - 1 }}
    group by line_key
),

labels_of_items_{{ number }} as (
    select
        edges.item_key,
        min(labels_of_lines_{{ number }}.label) as label
    from edges
    inner join labels_of_lines_{{ number }}
        on edges.line_key = labels_of_lines_{{ number }}.line_key
    group by edges.item_key
),

labels_{{ number }} as (
    select
        edges.line_key,
        edges.item_key,
        labels_of_items_{{ number }}.label
    from edges
    inner join labels_of_items_{{ number }}
        on edges.item_key = labels_of_items_{{ number }}.item_key
),
{%- endfor %}

final as (
    select
        'actual' as side_code,
        line_key as member_key,
        min(label) as anchor_key
    from labels_{{ rounds }}
    group by line_key
    union all
    select
        'expected' as side_code,
        item_key as member_key,
        min(label) as anchor_key
    from labels_{{ rounds }}
    group by item_key
)

select * from final
