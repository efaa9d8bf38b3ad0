"""The forms of SQL that engines read differently, what to write instead, and examples of both.

What belongs here: one `Rule` per form. What does not: reading files (`portability.py`).
Only the lint and its tests import this.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.dbt.portability_text import ModelText


@dataclass(frozen=True, slots=True)
class Rule:
    """One forbidden form.

    Attributes:
        name: Short, used in the baseline.
        instead: What to write.
        find: Yields the offset of each occurrence.
        bad: Models that it must catch.
        good: Models that it must leave alone.
    """

    name: str
    instead: str
    find: Callable[[ModelText], Iterator[int]]
    bad: tuple[str, ...]
    good: tuple[str, ...]


def _pattern(expression: str) -> Callable[[ModelText], Iterator[int]]:
    """Find a regular expression in the SQL."""
    compiled = re.compile(expression, re.IGNORECASE)

    def find(model: ModelText) -> Iterator[int]:
        return (match.start() for match in compiled.finditer(model.sql))

    return find


def _jinja_pattern(expression: str) -> Callable[[ModelText], Iterator[int]]:
    """Find a regular expression in the Jinja code."""
    compiled = re.compile(expression, re.IGNORECASE | re.DOTALL)

    def find(model: ModelText) -> Iterator[int]:
        return (match.start() for match in compiled.finditer(model.jinja))

    return find


def _uncast_aggregates(model: ModelText) -> Iterator[int]:
    """Find sums that stand in no cast and are not merely compared."""
    for match in re.finditer(r"\bsum\s*\(", model.sql, re.IGNORECASE):
        if not _is_inside_cast(model.sql, match.start()) and not _is_in_having(
            model.sql, match.start()
        ):
            yield match.start()


def _is_inside_cast(sql: str, offset: int) -> bool:
    """Whether one of the parentheses around an offset belongs to a cast."""
    depth = 0
    for position in range(offset - 1, -1, -1):
        if sql[position] == ")":
            depth += 1
        elif sql[position] == "(":
            if depth == 0 and re.search(r"\bcast\s*$", sql[:position], re.IGNORECASE):
                return True
            depth = max(0, depth - 1)
    return False


def _is_in_having(sql: str, offset: int) -> bool:
    """Whether an offset stands in a having clause."""
    clauses = re.findall(r"\b(?:select|having|from|where|group|order)\b", sql[:offset].lower())
    return bool(clauses) and clauses[-1] == "having"


def _order_without_nulls(model: ModelText) -> Iterator[int]:
    """Find sort keys that do not say where nulls go."""
    for match in re.finditer(r"\border\s+by\b", model.sql, re.IGNORECASE):
        for start, item in _items(model.sql, match.end()):
            if item.strip() and not re.search(r"\bnulls\s+(first|last)\s*$", item, re.IGNORECASE):
                yield start + len(item) - len(item.lstrip())


def _items(sql: str, start: int) -> Iterator[tuple[int, str]]:
    """Split the list that begins at `start` at its own commas; it ends with its clause."""
    depth, begin, end = 0, start, start
    tail = re.compile(r"\b(rows|range|limit|groups)\b", re.IGNORECASE)
    while end < len(sql):
        character = sql[end]
        if character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth < 0:
                break
        elif depth == 0 and tail.match(sql, end) and not sql[end - 1].isalnum():
            break
        elif depth == 0 and character == ",":
            yield begin, sql[begin:end]
            begin = end + 1
        end += 1
    yield begin, sql[begin:end]


RULES: tuple[Rule, ...] = (
    Rule(
        "qualify",
        "row_number() in a CTE, then where row_no = 1",
        _pattern(r"\bqualify\b"),
        ("select a from t qualify row_number() over (order by a nulls last) = 1",),
        ("select a from t -- no qualify", "select is_qualified from t"),
    ),
    Rule(
        "double colon cast",
        "cast(x as type)",
        _pattern(r"::"),
        ("select a::int from t", "select {{ money('a::bigint') }} from t"),
        ("select cast(a as bigint) from t", "select '::' as separator_text"),
    ),
    Rule(
        "quoted identifier",
        "a name that needs no quotes: other engines read the quoted text as a literal",
        _pattern(r'"'),
        ('select "x" from t', 'select a as "Total" from t'),
        ('select a from {{ ref("t") }}', "select '\"' as quote_mark"),
    ),
    Rule(
        "doubled quote in a literal",
        "put the text in a seed: an engine reads two literals joined",
        lambda model: iter(model.doubled),
        ("select 'it''s' as a",),
        ("select '' as a", "select a || '' || b as c from t"),
    ),
    Rule(
        "backslash in a literal",
        "put the text in a seed: an engine reads an escape",
        lambda model: iter(model.backslashes),
        (r"select 'a\d+' as pattern_text",),
        ("select '[0-9]+' as pattern_text",),
    ),
    Rule(
        "aggregate without cast",
        "cast(sum(x) as bigint), or money('sum(x)')",
        _uncast_aggregates,
        (
            "select sum(a) as b from t",
            "select coalesce(sum(a), 0) as b from t",
            "select cast(a as bigint) as c, sum(a) over (partition by b) as d from t",
        ),
        (
            "select cast(sum(a) - sum(b) as bigint) as c from t",
            "select {{ money('sum(a)') }} as b from t",
            "select a from t group by a having sum(b) <> 0",
            "select {{ money('coalesce(sum(a), 0)') }} as b, checksum(c) as d from t",
        ),
    ),
    Rule(
        "average",
        "a sum and a count: avg is binary floating point on one engine and decimal on another",
        _pattern(r"\b(avg|mean|median)\s*\("),
        ("select avg(a) from t", "select {{ money('avg(a)') }} from t"),
        ("select average_amount from t",),
    ),
    Rule(
        "division",
        "int_div, or multiply by a decimal literal: / gives binary floating point",
        _pattern(r"/"),
        ("select a / b from t", "select a // 2 from t", "select {{ money('a/b') }} from t"),
        (
            "select a from t -- a / b",
            "select '/' as slash",
            "{# a / b #} select a",
            "select {{ int_div('a', 'b') }} as c from t",
            "select {{ sorted_list('a', '/') }} as c from t",
        ),
    ),
    Rule(
        "binary floating point",
        "decimal(p, s)",
        _pattern(r"\b(double|float\d*|real)\b"),
        ("select cast(a as double) from t", "select cast(a as float8) from t"),
        ("select cast(a as decimal(18, 4)) as doubled from t",),
    ),
    Rule(
        "engine type",
        "dbt.type_string(), bigint, decimal(p, s), boolean, date, timestamp",
        _pattern(r"\bas\s+(varchar|text|string|hugeint|uhugeint|u\w*bigint|json|blob|int4|int8)\b"),
        ("select cast(a as varchar) from t", "select cast(a as hugeint) from t"),
        ("select cast(a as {{ dbt.type_string() }}) from t", "select a as text_note from t"),
    ),
    Rule(
        "safe cast",
        "the project's macro, with a test that counts failures",
        lambda model: iter(
            (
                *_pattern(r"\btry_cast\s*\(")(model),
                *_jinja_pattern(r"\bdbt\.safe_cast\s*\(")(model),
            )
        ),
        ("select try_cast(a as date) from t", "select {{ dbt.safe_cast('a', 'date') }} from t"),
        ("select {{ text_to_date('a') }} from t",),
    ),
    Rule(
        "hash function",
        "dbt.hash or sha256_hex",
        _pattern(r"\b(md5|md5_number|sha1|sha2|sha256|hash|xxhash\w*)\s*\("),
        ("select md5(a) from t", "select hash(a) from t"),
        ("select {{ dbt.hash('a') }} as b, content_hash from t",),
    ),
    Rule(
        "concat function",
        "dbt.concat, or || with coalesce: null is skipped on one engine and wins on another",
        _pattern(r"\bconcat(_ws)?\s*\("),
        ("select concat(a, b) from t", "select concat_ws('-', a, b) from t"),
        ("select {{ dbt.concat(['a', 'b']) }} from t", "select a || b from t"),
    ),
    Rule(
        "substring from 0",
        "count characters from 1",
        _pattern(r"\bsubstr(ing)?\s*\([^(),]*,\s*0\b"),
        ("select substring(a, 0, 2) from t",),
        ("select substring(a, 1, 2) from t",),
    ),
    Rule(
        "list or array function",
        "sorted_string_agg, sorted_array_agg, array_first, array_len",
        lambda model: iter(
            (
                *_pattern(
                    r"\b(list_\w+|array_\w+|string_agg|listagg|group_concat|list|unnest|explode"
                    r"|cardinality|len)\s*\("
                )(model),
                *_pattern(r"\[")(model),
                *_jinja_pattern(r"\bdbt\.listagg\s*\(")(model),
            )
        ),
        (
            "select string_agg(a, ',' order by a nulls last) from t",
            "select list_sort(a) from t",
            "select a[1] from t",
            "select unnest(a) from t",
            "select {{ dbt.listagg('a') }} from t",
        ),
        (
            "select {{ sorted_string_agg('a', ',') }} from t",
            "select {{ ids(['a', 'b']) }} from t",
            "select '[0-9]' as pattern_text, price_list from t",
        ),
    ),
    Rule(
        "JSON or struct function",
        "json_text, unnest_json_strings, make_struct",
        _pattern(r"->|\b(json\w*|to_json|from_json|struct_\w+|struct|map|row)\s*\("),
        ("select a ->> 'b' from t", "select json_extract(a, 'b') from t"),
        ("select {{ json_text('a', 'b') }} from t", "select json_note from t"),
    ),
    Rule(
        "time zone function",
        "utc_to_local and local_to_utc",
        _pattern(r"\bat\s+time\s+zone\b|\b(timezone|from_utc_timestamp|to_utc_timestamp)\s*\("),
        ("select a at time zone 'UTC' from t", "select timezone('UTC', a) from t"),
        ("select {{ utc_to_local('a', 'Europe/Zurich') }}, timezone from t",),
    ),
    Rule(
        "date function",
        "dbt.dateadd, dbt.datediff with 'day', dbt.date_trunc, seconds_between",
        _pattern(
            r"\b(date_?diff|date_?add|date_sub|date_?part|date_trunc|strftime|strptime|epoch\w*"
            r"|to_(second|minute|hour|day|month|year)s|make_(date|timestamp|interval)|age|julian"
            r"|last_day|dayname|monthname|date_format|to_char|unix_timestamp)\s*\("
        ),
        ("select strftime(a, '%Y') from t", "select date_trunc('month', a) from t"),
        ("select cast({{ dbt.date_trunc('month', 'a') }} as date) from t", "select age from t"),
    ),
    Rule(
        "part of a date",
        "a calendar seed, or extract of year, month or day",
        _pattern(r"\bextract\s*\(\s*(?!(year|month|day)\b)"),
        ("select extract(dow from a) from t", "select extract(epoch from a) from t"),
        ("select extract(year from a) from t",),
    ),
    Rule(
        "difference in less than days",
        "seconds_between: engines count hours and seconds differently",
        _jinja_pattern(r"\bdbt\.datediff\s*\((?![^)]*['\"]day['\"]\s*\))"),
        ("select {{ dbt.datediff('a', 'b', 'hour') }} from t",),
        ("select cast({{ dbt.datediff('a', 'b', 'day') }} as bigint) from t",),
    ),
    Rule(
        "date minus date",
        "dbt.datediff(first, second, 'day') or seconds_between",
        _pattern(r"\b\w+_(on|at)\s*-\s*(\w+\.)?\w+_(on|at)\b|\bas\s+date\s*\)\s*-"),
        ("select due_on - t.issued_on from t", "select cast(a as date) - b from t"),
        ("select total_amount - paid_amount from t",),
    ),
    Rule(
        "clock or chance",
        "as_of(): a replay has to give the same answer",
        _pattern(
            r"\b(current_(timestamp|date|time)|localtimestamp|getdate|sysdate)\b"
            r"|\b(now|today|random|rand|uuid|gen_random_uuid)\s*\("
        ),
        ("select current_timestamp as a", "select now() as a", "select random() as a"),
        ("select {{ as_of() }} as a, known_now from t",),
    ),
    Rule(
        "sort without place of nulls",
        "nulls first or nulls last after every sort key: engines differ",
        _order_without_nulls,
        (
            "select row_number() over (partition by a order by b) from t",
            "select row_number() over (order by b nulls last, c desc) from t",
            "select a from t order by a",
        ),
        (
            "select row_number() over (partition by a order by b nulls last, c desc nulls first)",
            "select max(a) over (order by coalesce(b, c) nulls last rows unbounded preceding)",
        ),
    ),
    Rule(
        "by all or by name",
        "spell the columns",
        _pattern(r"\b(group|order)\s+by\s+all\b|\bby\s+name\b"),
        ("select a from t group by all", "select a from t union all by name select a from u"),
        ("select a from t group by a",),
    ),
    Rule(
        "star with changes",
        "spell the columns",
        _pattern(r"\*\s*(exclude|except|replace|rename)\b|\bcolumns\s*\("),
        ("select * exclude (a) from t", "select columns('a.*') from t"),
        ("select * from final",),
    ),
    Rule(
        "pivot",
        "one case expression a column",
        _pattern(r"\b(un)?pivot\b"),
        ("pivot t on a using cast(sum(b) as bigint)",),
        ("select pivotal from t",),
    ),
    Rule(
        "generated rows",
        "a seed of numbers or dates",
        _pattern(
            r"\bwith\s+recursive\b|\b(generate_series|range|sequence)\s*\(|\b(from|join)\s*\(?\s*values\b"
        ),
        (
            "select a from generate_series(1, 3)",
            "with recursive t as (select 1 as a) select a from t",
            "select a from (values (1), (2)) as t (a)",
        ),
        ("select a from numbers", "select sum_range from t"),
    ),
    Rule(
        "argument of the maximum",
        "max_by or row_number()",
        _pattern(r"\b(arg_max|arg_min|argmax|argmin|first|last)\s*\("),
        ("select arg_max(a, b) from t", "select first(a) from t"),
        ("select max_by(a, b) from t", "select max(a) keep_first from t"),
    ),
    Rule(
        "engine join",
        "inner, left or full outer join; where exists",
        _pattern(r"\b(semi|anti|asof|positional|natural|lateral)\s+join\b|\bdistinct\s+on\b"),
        ("select a from t semi join u on t.a = u.a", "select distinct on (a) a from t"),
        ("select a from t inner join u on t.a = u.a",),
    ),
    Rule(
        "null function",
        "coalesce or case",
        _pattern(r"\b(ifnull|nvl2?|if|iff|decode)\s*\("),
        ("select ifnull(a, 0) from t", "select if(a, b, c) from t"),
        ("select coalesce(a, 0) from t", "{% if a(1) %} select b {% endif %}"),
    ),
    Rule(
        "incremental without strategy",
        "incremental_strategy='merge' with one unique_key column, or 'append' for what only grows",
        _jinja_pattern(
            r"config\s*\((?=[^}]*materialized\s*=\s*'incremental')"
            r"(?![^}]*incremental_strategy\s*=\s*'(merge|append)')"
        ),
        (
            "{{ config(materialized='incremental', unique_key='a') }} select a from t",
            "{{ config(materialized='incremental', incremental_strategy='microbatch') }} select a",
        ),
        (
            "{{ config(materialized='incremental', incremental_strategy='merge') }} select a",
            "{{ config(materialized='incremental', incremental_strategy='append') }} select a",
            "{{ config(materialized='table') }} select a from t",
        ),
    ),
)
