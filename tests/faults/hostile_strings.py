# ruff: noqa: RUF001 - look-alike characters belong to the corpus
"""Strings that attack: made by code, each one a value, a header or part of a file name.

What belongs here: the corpus. What does not: what must become of it (that is in the tests).
"""

from collections.abc import Iterator
from itertools import product

PAYLOADS = (
    "drop table raw.files",
    "delete from raw.generic__orders",
    "create table raw.pwned as select 1",
    "copy (select 1) to 'pwned.csv'",
    "copy raw.files to '../pwned.csv'",
    "attach 'pwned.duckdb'",
    "install httpfs",
    "load httpfs",
    "pragma database_list",
    "set enable_external_access = true",
    "update raw.files set status = 'loaded'",
    "select * from read_csv('/etc/passwd')",
    "select * from read_text('../secret.csv')",
    "insert into raw.files values (1)",
)
WRAPPERS = (
    "'; {}; --",
    '"; {}; --',
    "x'); {}; --",
    'a" varchar); {}; --',
    "{}",
    "`{}`",
    "{{{{ {} }}}}",
    "${{{}}}",
    "$({})",
    "' || ({}) || '",
    "/* */; {}",
    "\\'; {}; --",
)
PATHS = (
    "../secret.csv",
    "../../../../etc/passwd",
    "..\\..\\secret.csv",
    "/etc/passwd",
    "file:///etc/passwd",
    "http://127.0.0.1:1/x.csv",
    "s3://bucket/x.csv",
    "~/secret.csv",
    "%2e%2e%2fsecret.csv",
    "..%c0%afsecret.csv",
    "C:\\secret.csv",
    "\\\\host\\share\\x.csv",
    "/dev/stdin",
    "/proc/self/environ",
    "./../generic/orders.csv",
    "secret.csv\x00.txt",
)
GLOBS = ("*", "**", "?", "[a-z]*", "*.csv", "../*", "/**/*.csv", "{a,b}", "[!x]", "[]", "[", "*?[")
FORMULAS = (
    "=1+1",
    '=HYPERLINK("http://127.0.0.1/","x")',
    "+1+1",
    "-1+1",
    "@SUM(A1:A9)",
    "=cmd|'/c calc'!A0",
    "\t=1+1",
    "\r=1+1",
    '=DDE("a";"b")',
    "|calc",
    "%0A=1+1",
    "＝1+1",
    '=IMPORTXML("http://127.0.0.1/")',
    "'=1+1",
    '"=1+1"',
)
RENDERERS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "[red]markup[/red]",
    "[/]",
    "\x1b[2J\x1b]0;owned\x07",
    "%s%n%x",
    "{0.__class__}",
    "{{ config.items() }}",
    "{% raw %}",
    "\r\nSet-Cookie: x=1",
    "a\nb",
    "a,b",
    'a"b',
    "null",
    "NULL",
    "None",
    "NaN",
    "nan",
    "true",
    "undefined",
    "__class__",
    "0x1F",
    "constructor",
    "-- comment",
    "#comment",
    "1e309",
    "\\N",
    "\\",
    "''",
    '""',
    ";",
    "|",
)
RIGHT_TO_LEFT = (
    "\u202e",
    "\u200f",
    "\u2066",
    "\u200b",
    "\ufeff",
    "\u0301",
    "\u00a0",
    "\u2028",
    "\u2029",
    "\U000e0001",
    "\ufffd",
    "\U0010ffff",
    "\u0130",
    "\u212a",
    "Ａ",
)
LONG = (1_000, 70_000)


def everything() -> Iterator[str]:
    """Yield the corpus, repetitions included."""
    for wrapper, payload in product(WRAPPERS, PAYLOADS):
        yield wrapper.format(payload)
    for texts in (PATHS, GLOBS, FORMULAS, RENDERERS):
        yield from texts
        yield from (f"orders_{text}" for text in texts)
        yield from (f" {text} " for text in texts)
    for code in (*range(32), 127, *range(0x80, 0xA0)):
        yield f"a{chr(code)}b"
    for mark in RIGHT_TO_LEFT:
        yield from (mark, f"vsc{mark}.sredro", f"order_id{mark}")
    for length in LONG:
        yield from ("A" * length, "é" * length, "'" * length)


def hostile_strings() -> tuple[str, ...]:
    """Return the corpus: at least 500 different strings."""
    return tuple(dict.fromkeys(text for text in everything() if text))


def file_names(before: str, after: str) -> tuple[bytes, ...]:
    """Return the corpus as names that a Linux folder can hold: no slash, no NUL, 255 bytes."""
    names = {}
    for number, text in enumerate(hostile_strings()):
        held = text.replace("/", "∕").replace("\x00", "␀").encode()
        room = 255 - len(before) - len(after) - 4
        cut = held[:room].decode(errors="ignore").encode()
        names[before.encode() + b"%03d" % (number % 1000) + cut + after.encode()] = None
    return tuple(names)
