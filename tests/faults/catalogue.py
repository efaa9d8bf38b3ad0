"""The fault catalogue: one line per fault case, the same ids that quarantine reasons carry.

What belongs here: ids and titles. What does not: tests (they lie in this folder, one at least per
id, the id in the test's name, as in `test_a4_...`) and expectations of any one case.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which the world breaks its promise to us.

    Attributes:
        fault_id: Letter of the area and a number, such as `A4`.
        title: What happens, in one line.
    """

    fault_id: str
    title: str


INGEST_FAULTS = (
    Fault("A1", "The same file is delivered again, byte for byte"),
    Fault("A2", "A file comes under a known name with other bytes"),
    Fault("A3", "A file is still being written when the run looks"),
    Fault("A4", "A file is cut short, at the end of a row or in the middle of a number"),
    Fault("A5", "A delivery that needs a manifest comes without one"),
    Fault("A6", "Files arrive late or out of order"),
    Fault("A7", "A file of a sequence is missing"),
    Fault("A8", "A file is empty or has a header only"),
    Fault("A9", "Rows have too few or too many fields, or a quote is not closed"),
    Fault("A10", "Columns are missing, new, renamed, doubled, reordered or of another type"),
    Fault("A11", "A header is an attack"),
    Fault("A12", "A file name is an attack"),
    Fault("A13", "A landed name is a link, a device or a pipe"),
    Fault("A14", "A packed file unpacks to far more than it should"),
    Fault("A15", "A row, a field or a header is far too large"),
    Fault("A16", "Bytes are not the text encoding that the contract names"),
    Fault("A17", "A number is not written in the amount grammar"),
    Fault("A18", "An amount has more decimals than its currency"),
    Fault("A19", "Sums grow beyond the width of one amount"),
    Fault("A20", "A text is a spreadsheet formula"),
    Fault("A21", "A time has no zone, does not exist or is not plausible"),
    Fault("A22", "Two keys look alike but are not the same"),
    Fault("A23", "One key comes twice in a file with different content"),
    Fault("A24", "A document disappears from the feed without a word"),
    Fault("A25", "A source's clock is wrong, or a change does not move its timestamp"),
)

STORAGE_FAULTS = (
    Fault("B1", "The process is killed anywhere in a load"),
    Fault("B2", "The process is killed while dbt builds, which leaves tables of two runs"),
    Fault("B4", "The disk is full"),
    Fault("B5", "The disk reports an error while data is made durable"),
    Fault("B6", "A bit of the warehouse file has flipped"),
    Fault("B7", "The warehouse's log is cut or missing, or an older copy was put in its place"),
    Fault("B8", "A second writer, or a reader, meets a run that writes"),
    Fault("B9", "Two runs start at the same time"),
    Fault("B10", "The process of a run dies, and the run would stay running for ever"),
)

APPROVAL_FAULTS = (
    Fault("D1", "A maker approves their own request, through whatever account, role or deputy"),
    Fault("D2", "A signature or a request is sent twice, or replayed later"),
    Fault("D3", "What was approved changes before it is done"),
    Fault("D4", "An approval is too old, or its approver may not sign any more"),
    Fault("D5", "Two approvers answer at the same time"),
    Fault("D6", "One amount is asked for in parts, each below the threshold"),
    Fault("D7", "The glass is broken: something is done before anybody else has seen it"),
    Fault("D10", "A service acts for somebody, or as somebody"),
    Fault("D14", "A clock stands still or somebody is away when an escalation is due"),
)

LEDGER_FAULTS = (
    Fault("B11", "The ledger is held by somebody else"),
    Fault("B13", "The ledger is put back from an old backup"),
    Fault("D15", "A channel for alerts is down, loses its answer, or the sender is killed"),
    Fault("D8", "Events are edited, deleted, inserted, reordered or cut off"),
    Fault("D9", "A proof, or a signed head, is forged"),
    Fault("D12", "Somebody has to be forgotten, and the record must not change"),
)

DELIVERY_FAULTS = (
    Fault("B3", "A worker is killed between commit and call, or before its answer is put down"),
    Fault("B12", "The clock is set ahead or back, or the machine is restarted with another one"),
    Fault("B14", "A new version is installed while intents of the old one are on their way"),
    Fault("C1", "The outcome of a write is unknown: timeout, reset, lost, failed after or late"),
    Fault("C2", "An acknowledgement comes twice, or is for another key or amount"),
    Fault("C3", "The receiver asks for fewer calls, sensibly or not"),
    Fault("C4", "The receiver refuses a document, perhaps with the status of a success"),
    Fault("C5", "The session or secret at the receiver has expired"),
    Fault("C6", "An answer redirects, is no JSON, is cut short, packed or endless"),
    Fault("C7", "The receiver is away for half an hour, slow, or comes and goes"),
    Fault("C8", "The receiver lost records that it had acknowledged"),
    Fault("C9", "The receiver has forgotten the key of a write that is to be repeated"),
    Fault("C10", "Amendments come in another order than they were made"),
    Fault("C11", "One document fails for ever"),
    Fault("C12", "A bulk call succeeds in part"),
    Fault("C13", "Webhooks come twice, out of order, forged, replayed, or days late"),
    Fault("C14", "Somebody tries to send what no gate let pass"),
)

FAULTS = (
    *INGEST_FAULTS,
    *STORAGE_FAULTS,
    *APPROVAL_FAULTS,
    *LEDGER_FAULTS,
    *DELIVERY_FAULTS,
)
