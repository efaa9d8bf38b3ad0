"""Which landed files are taken now, which are settled and which must wait.

What belongs here: decisions that need only names and the books. What does not: opening a file. The
loader imports this.
"""

from dataclasses import dataclass

from orchestration.core.contracts import SourceContract
from orchestration.warehouse.landing import Candidate, shown
from orchestration.warehouse.loader_books import Books, Delivery, stored_name
from orchestration.warehouse.loader_manifest import manifest_digest

_TAKEN = ("loaded", "duplicate", "superseded")


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a file waits for a later run."""

    fault_id: str
    reason: str


def is_settled(candidate: Candidate, contract: SourceContract, books: Books) -> bool:
    """Whether this very file was dealt with before and nothing has changed since.

    Goes by name, size, time of change and inode, so a settled file is not read again. A refused
    file is looked at again when its contract or its manifest has changed.
    """
    known = books.find(candidate)
    if known is None or known.inode != candidate.inode:
        return False
    return known.status in _TAKEN or still_refused(known, candidate, contract)


def still_refused(known: Delivery, candidate: Candidate, contract: SourceContract) -> bool:
    """Whether a delivery was refused for reasons that still hold."""
    return (
        known.status == "refused"
        and known.contract_hash == contract.streams[candidate.stream].content_hash()
        and known.manifest_hash == manifest_digest(candidate)
    )


def hold_reason(
    candidate: Candidate,
    contract: SourceContract,
    books: Books,
    landed: tuple[Candidate, ...],
) -> Hold | None:
    """Return why a file must wait, if it must."""
    if candidate.unsettled:
        return Hold("A3", "the file is still being written; it is left for the next run")
    blocker = _blocker(candidate, contract, books, landed)
    if blocker is not None:
        return Hold(
            "A10",
            f"the stream is stopped by {shown(blocker.file_name)}, whose columns break the "
            "contract; replace that file or change the contract, then run again",
        )
    return _gap(candidate, contract, books, landed)


def _blocker(
    candidate: Candidate,
    contract: SourceContract,
    books: Books,
    landed: tuple[Candidate, ...],
) -> Delivery | None:
    """Return the refused file that stops this stream, if it still lies there as it was."""
    stream = contract.streams[candidate.stream]
    drifted = [
        known
        for known in books.of(stream)
        if known.status == "refused"
        and known.fault_id == "A10"
        and known.contract_hash == stream.content_hash()
        and not known.is_of(candidate)
    ]
    if not drifted:
        return None
    present = {
        (stored_name(other.file_name), other.size_bytes, other.modified_ns)
        for other in landed
        if (other.source, other.stream) == (candidate.source, candidate.stream)
    }
    return next(
        (
            known
            for known in drifted
            if (known.file_name, known.size_bytes, known.modified_ns) in present
        ),
        None,
    )


def _gap(
    candidate: Candidate,
    contract: SourceContract,
    books: Books,
    landed: tuple[Candidate, ...],
) -> Hold | None:
    """Hold a numbered file while a number before it is missing."""
    if candidate.sequence_no is None:
        return None
    stream = contract.streams[candidate.stream]
    have = {known.sequence_no for known in books.of(stream) if known.status in _TAKEN}
    numbers = have | {
        other.sequence_no
        for other in landed
        if (other.source, other.stream) == (candidate.source, candidate.stream)
    }
    first = min(number for number in numbers if number is not None)
    reach = first
    while reach in have:
        reach += 1
    if candidate.sequence_no <= reach:
        return None
    return Hold(
        "A7",
        f"number {reach} of the sequence is missing, so number {candidate.sequence_no} waits; "
        "deliver the missing file",
    )
