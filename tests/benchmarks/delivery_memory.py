"""How much memory a deliverer takes, and how fast it is, while so many artifacts are queued.

What belongs here: the measurement. What does not: a verdict.
Run it with `python -m tests.benchmarks.delivery_memory [how many ...]`.
"""

import multiprocessing
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

from delivery_bed import artifact, bed_in, http_target
from receiver import start_receiver

AT_ONCE = 2000
SECONDS = 15


def deliver_a_while(pipe, folder: str, address: str) -> None:
    """Deliver for some seconds in a process of its own; sends documents, seconds, peak in MB."""
    with bed_in(Path(folder)) as bed, http_target(address) as target:
        from orchestration.connectors.targets.courier import deliver

        stop = threading.Event()
        threading.Timer(SECONDS, stop.set).start()
        begun = time.perf_counter()
        done = deliver(bed.ledger, bed.clock, target, bed.worker, once=True, stop=stop)
        took = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    pipe.send((done.states["done"], took, peak))


def main() -> None:
    """Fill a queue of each size and deliver from it a while."""
    context = multiprocessing.get_context("spawn")
    for count in [int(each) for each in sys.argv[1:]] or [10_000, 1_000_000]:
        with tempfile.TemporaryDirectory() as folder, start_receiver() as receiver:
            begun = time.perf_counter()
            with bed_in(Path(folder)) as bed:
                for start in range(0, count, AT_ONCE):
                    stop = min(count, start + AT_ONCE)
                    bed.put([artifact(number) for number in range(start, stop)])
            filled = time.perf_counter() - begun
            ours, theirs = context.Pipe()
            process = context.Process(
                target=deliver_a_while, args=(theirs, folder, receiver.address)
            )
            process.start()
            done, took, peak = ours.recv()
            process.join()
            size = (Path(folder) / "ledger.db").stat().st_size // 2**20
        sys.stdout.write(
            f"{count:,} queued in {filled:,.0f} s ({size:,} MB of ledger): "
            f"{done / took:,.0f} delivered a second, {peak:,} MB at most\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
