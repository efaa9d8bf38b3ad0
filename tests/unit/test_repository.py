"""What must never be committed, and what the code may not do wherever it stands."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("orchestration", "expectations", "console")
BINARY = {".parquet", ".gz", ".png", ".ico", ".woff2", ".db", ".duckdb", ".xlsx"}
# Each pattern is written so that it does not find itself.
FORBIDDEN = {
    "a package registry's address": (
        r"https?://[^\s\"']*(py[p]i\.|python[h]osted|npm[j]s|deb\.deb[i]an)"
    ),
    "a download address in a lock": (
        r"(?m)^.*(@ (https?|file):|--index-url|--extra-index-url|--find-links).*$"
    ),
    "a path of one machine": (
        r"(/w[o]rk/(main|steering|shared|\.library)|/r[o]ot/|/f[a]rm/|/h[o]me/\w+/|/U[s]ers/\w+/)"
    ),
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE[ ]KEY-----",
    "an access key": (
        r"\b(AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abprs]-[A-Za-z0-9-]{10,}"
        r"|sk_live_\w{10,})\b"
    ),
    "a password in an address": (
        r"\b(postgresql|mysql|https?|smtps?)(\+\w+)?://[^\s/:@{}<>\"']+:[^\s/@{}<>\"']+@"
    ),
}
LOCK_ONLY = {"a download address in a lock"}
FORBIDDEN_NAMES = re.compile(
    r"(^|/)(uv\.lock|pylock.*\.toml|\.env|id_rsa.*|.*\.pem|.*\.duckdb(\.wal)?)$"
)


def committed_files() -> list[Path]:
    """Return the files under version control; without git, all but what make and runs leave."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    if listed.returncode == 0 and listed.stdout:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
        return [path for path in paths if path.is_file()]
    left = {".venv", ".meshline", "__pycache__", "target", "logs", ".git"}
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file()
        and not left & set(path.relative_to(ROOT).parts)
        and not any("cache" in part for part in path.relative_to(ROOT).parts)
    ]


def python_files() -> list[Path]:
    """Return the modules of the product."""
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_is_committed_that_must_not_leave_a_machine(what):
    pattern = re.compile(FORBIDDEN[what])
    found = []
    for path in committed_files():
        if path.suffix in BINARY or (what in LOCK_ONLY and path.suffix != ".lock"):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{_name(path)}: {match[0]}" for match in pattern.finditer(text)]
    assert not found, f"{what} in: {found}"


@pytest.mark.parametrize(
    ("what", "sample"),
    [
        ("a package registry's address", "see https://py" + "pi.org/simple"),
        ("a download address in a lock", "a @ https" + "://host/a.whl"),
        ("a download address in a lock", "--index" + "-url x"),
        ("a path of one machine", "cd /wo" + "rk/main"),
        ("a path of one machine", "/ho" + "me/ann/x"),
        ("a private key", "-----BEGIN RSA PRIVATE" + " KEY-----"),
        ("an access key", "AK" + "IA" + "A" * 16),
        ("a password in an address", "postgresql://user:pa" + "ss@host/db"),
    ],
)
def test_each_pattern_finds_what_it_names(what, sample):
    assert re.search(FORBIDDEN[what], sample)


def test_no_file_is_committed_whose_name_gives_it_away():
    assert not [_name(path) for path in committed_files() if FORBIDDEN_NAMES.search(_name(path))]


def test_locks_are_hashed_and_agree_with_each_other():
    pins: dict[str, set[str]] = {}
    for lock in sorted(ROOT.glob("requirements*.lock")):
        text = lock.read_text()
        entries = re.split(r"\n(?=\S)", text.strip())
        assert all("--hash=sha256:" in entry for entry in entries if not entry.startswith("#"))
        for name, version in re.findall(r"(?m)^([a-z0-9][\w.-]*)==(\S+)", text):
            pins.setdefault(name, set()).add(f"{lock.name}: {version}")
    runtime = (ROOT / "requirements.lock").read_text()
    development = (ROOT / "requirements-dev.lock").read_text()
    wanted = re.findall(r"(?m)^[a-z0-9][\w.-]*==\S+", runtime)
    assert wanted
    assert not [pin for pin in wanted if f"{pin} " not in development]
    assert {"duckdb", "dbt-core", "dagster", "great-expectations", "hatchling"} <= set(pins)


def test_only_settings_reads_the_environment():
    """Writing it for a child is allowed; reading it makes a run depend on who starts it.

    The dbt child is the receiving end: its environment is the file that it was given.
    """
    readers = []
    for path in python_files():
        if _name(path) in {"orchestration/settings.py", "orchestration/dbt_child.py"}:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        readers += [f"{_name(path)}:{line}" for line in _environment_reads(tree)]
    assert not readers


def _environment_reads(tree: ast.AST) -> list[int]:
    """Lines that read `os.environ` or `os.getenv`; copies for a child are no reads."""
    lines = []
    for node in ast.walk(tree):
        text = ast.unparse(node) if isinstance(node, ast.Call | ast.Subscript) else ""
        is_subscript = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)
        if re.match(r"os\.(getenv|environ\.(get|pop|setdefault|items|keys|values))\(", text) or (
            is_subscript and text.startswith("os.environ[")
        ):
            lines.append(node.lineno)
    return lines


@pytest.mark.parametrize(
    ("code", "reads"),
    [
        ("import os\nos.environ['A']", True),
        ("import os\nos.environ.get('A')", True),
        ("import os\nos.getenv('A')", True),
        ("import os\nos.environ['A'] = 'b'", False),
        ("import os\nos.environ.update(a='b')", False),
    ],
)
def test_a_read_of_the_environment_is_told_from_a_write(code, reads):
    assert bool(_environment_reads(ast.parse(code))) is reads


def test_money_code_knows_no_floats_and_no_frames():
    """`.df()` and `to_pandas` turn amounts into binary floating point."""
    found = []
    for path in python_files():
        found += [
            f"{_name(path)}:{node.lineno}: .{node.attr}"
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute) and node.attr in {"df", "fetchdf", "to_pandas"}
        ]
    assert not found


def test_every_module_opens_with_what_belongs_in_it():
    silent = []
    for path in python_files():
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        if path.name != "__init__.py" and "belongs here" not in text:
            silent.append(_name(path))
    assert not silent, "a module's docstring says what belongs here and what does not"


def test_nothing_is_marked_unfinished():
    marks = re.compile(
        r"NotImplementedErr[o]r|\bTO[D]O\b|\bFIX[M]E\b|pytest\.mark\.sk[i]p\b|xf[a]il"
    )
    found = []
    for path in committed_files():
        if path.suffix in {".py", ".sql", ".yml"}:
            text = path.read_text(encoding="utf-8")
            found += [f"{_name(path)}: {match[0]}" for match in marks.finditer(text)]
    assert not found
