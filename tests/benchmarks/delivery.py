"""How many artifacts a second reach a local receiver, and how many are enqueued.

What belongs here: the measurement. What does not: a verdict.
Run it with `python -m tests.benchmarks.delivery [how many]`.
"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

from delivery_bed import artifact, assert_chain_holds, bed_in, http_target
from receiver import start_receiver

AT_ONCE = 2000


def main() -> None:
    """Enqueue, deliver, and print both rates."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    with (
        tempfile.TemporaryDirectory() as folder,
        start_receiver() as receiver,
        bed_in(Path(folder)) as bed,
    ):
        begun = time.perf_counter()
        for start in range(0, count, AT_ONCE):
            bed.put([artifact(number) for number in range(start, min(count, start + AT_ONCE))])
        enqueued = time.perf_counter()
        with http_target(receiver.address) as target:
            bed.once(target)
        done = time.perf_counter()
        assert len(receiver.documents()) == bed.states()["done"] == count
        assert_chain_holds(bed.ledger)
    sys.stdout.write(
        f"{count:,} artifacts: {count / (enqueued - begun):,.0f} enqueued a second, "
        f"{count / (done - enqueued):,.0f} delivered a second\n"
    )


if __name__ == "__main__":
    main()
