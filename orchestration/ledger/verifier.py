"""The verifier: whether the ledger is what it was when it was signed.

What belongs here: holding the events to their chain, to signed heads from outside and to what was
published. What does not: writing anything; the private key. It reads the ledger through
`orchestration.ledger.reading` alone. Whoever may import the ledger may import this.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.core.heads import Finding, Head, check_events, read_heads
from orchestration.ledger.keys import HASHES_FILE, HEADS_FILE, PUBLIC_FILE, read_public_key
from orchestration.ledger.reading import LedgerReader, read_ledger


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the verifier found.

    Attributes:
        size: Events in the ledger.
        root: Root of the tree over them, hexadecimal.
        heads: How many signed heads they were held to.
        unsigned: Events after the last head: only the chain holds them.
        findings: Everything that is not as it was, by event.
        problems: What is wrong outside of the ledger: forged or missing heads, a missing key.
        gaps: Parts that are lost for good, as two people have put on record; no error, but told.
    """

    size: int
    root: str
    heads: int
    unsigned: int
    findings: tuple[Finding, ...]
    problems: tuple[str, ...]
    gaps: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings and not self.problems

    @property
    def first_bad(self) -> int | None:
        """The first event that is concerned; None when none is."""
        return self.findings[0].seq if self.findings else None


def verify_ledger(
    url: str,
    folder: Path,
    *,
    public_key: Path | None = None,
    published: Iterable[Mapping[str, Any]] = (),
    changes: Mapping[int, tuple[int, str]] | None = None,
) -> Verdict:
    """Hold a ledger to its chain and to everything that is known of it outside.

    Args:
        url: As in `Settings.ledger_database`.
        folder: Of the heads; nothing else is taken from it than heads, hashes and the key.
        public_key: A key that is trusted more than the one beside the heads; None takes that.
        published: Heads in publications, as rows.
        changes: By run number: how many changes of state the warehouse has, and their digest.

    Raises:
        LedgerUnreadable: The ledger cannot be read.
        KeyUnusable: The public key cannot be read.
    """
    heads, problems = _heads(folder, public_key, published)
    witness = _witness(folder / HASHES_FILE)
    with read_ledger(url, shows_damage=True) as reader:
        events = reader.events() if reader is not None else iter(())
        checker, findings = check_events(events, heads, witness)
        gaps, lost_runs = _gaps(reader) if reader is not None else ((), frozenset())
        if reader is not None and changes is not None:
            known = {run: said for run, said in changes.items() if run not in lost_runs}
            findings += _wrong_digests(reader, known)
    if checker.size and not heads:
        problems.append(
            f"no signed head lies in {folder}: a rewritten or cut end could not be seen. "
            "The next run signs one; keep the folder elsewhere (MESHLINE_HEADS)."
        )
    signed = max((head.size for head in heads), default=0)
    return Verdict(
        checker.size,
        checker.root,
        len(heads),
        max(0, checker.size - signed),
        tuple(sorted(findings, key=lambda one: one.seq)),
        tuple(problems),
        gaps,
    )


def _gaps(reader: LedgerReader) -> tuple[tuple[str, ...], frozenset[int]]:
    """The gaps that were accepted, in words, and the runs that lie in them."""
    told: list[str] = []
    runs: set[int] = set()
    for event in reader.events("action = ?", ["ledger_gap_accepted"]):
        payload = json.loads(event.payload)
        runs.update(int(one) for one in payload["lost_runs"])
        lost = max(payload["signed"], payload["taken_over"])
        told.append(
            f"the events {payload['kept'] + 1} to {lost} of a history that ended are lost; "
            f"{event.actor_id} accepted that at {event.at} (event {event.seq}): {event.reason}"
        )
    return tuple(told), frozenset(runs)


def _heads(
    folder: Path, public_key: Path | None, published: Iterable[Mapping[str, Any]]
) -> tuple[list[Head], list[str]]:
    """Every head whose signature is good, and what is wrong with the others."""
    path = folder / HEADS_FILE
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    beside = [json.dumps(dict(row), default=str) for row in published]
    if not lines and not beside:
        return [], []
    key = read_public_key(public_key or folder / PUBLIC_FILE)
    heads, problems = read_heads(lines, key)
    others, wrong = read_heads(beside, key)
    roots = {head.size: head.root for head in heads}
    problems = [f"{HEADS_FILE}: {one}" for one in problems]
    problems += [f"published heads: {one}" for one in wrong]
    problems += [
        f"the head of {one.size} events that was published differs from the one in {HEADS_FILE}"
        for one in others
        if roots.get(one.size, one.root) != one.root
    ]
    if lines and others and max(one.size for one in others) > max(roots, default=0):
        problems.append(f"{HEADS_FILE} lacks heads that were published: its end was cut off")
    return heads + others, problems


def _witness(path: Path) -> bytes:
    """The hashes of events as they were signed, as many as there are."""
    return path.read_bytes() if path.exists() else b""


def _wrong_digests(
    reader: LedgerReader, changes: Mapping[int, tuple[int, str]]
) -> tuple[Finding, ...]:
    """Runs whose changes of state in the warehouse are not those that the ledger has on record.

    A run that was killed before it published is not compared, its work was done again; nor is one
    from before the first that the warehouse knows, which may have been rebuilt.
    """
    recorded, findings = {}, []
    for event in reader.events("action = ?", ["run_recorded"]):
        payload = json.loads(event.payload)
        said = payload["state_changes"]
        recorded[int(payload["run_no"])] = (event.seq, (int(said["count"]), str(said["digest"])))
    for number, there in sorted(changes.items()):
        seq, said_then = recorded.get(number, (0, None))
        if said_then is not None and said_then != there:
            what = (
                f"run {number} put {said_then[0]} changes of state on record (event {seq}); the "
                f"warehouse shows {there[0]}, and not the same"
            )
            findings.append(Finding(seq, what))
        elif said_then is None and number > min(recorded, default=number):
            findings.append(Finding(0, f"run {number} was published and has no event on record"))
    return tuple(findings)
