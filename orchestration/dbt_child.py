"""The process in which dbt runs: dbt itself, and a watch that ends it when its parent dies.

What belongs here: nothing but that; it is started by path, so it imports nothing of Meshline.
What does not: which models to build (that is `orchestration.dbt_runs`). Nobody imports this.

A run that is killed cannot stop its children. A dbt left behind would go on writing the warehouse
and keep it locked against the next run, so this process looks for its parent and goes with it.
Values of the run (the moment, the paths) come in a JSON file and become this process's environment:
handed over as `--vars` they would make dbt parse the whole project anew for each run.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

POLL_SECONDS = 0.2


def end_with_parent(parent_pid: int) -> None:
    """End this process, whatever it is doing, as soon as the process that started it is gone."""
    while os.getppid() == parent_pid:
        time.sleep(POLL_SECONDS)
    os._exit(137)


def main(arguments: list[str]) -> int:
    """Run dbt with the rest of the arguments; the first names the file with the environment."""
    environment, *dbt_arguments = arguments
    os.environ.update(json.loads(Path(environment).read_text(encoding="utf-8")))
    watch = threading.Thread(target=end_with_parent, args=(os.getppid(),), daemon=True)
    watch.start()
    from dbt.cli.main import cli  # noqa: PLC0415, under the watch from its first moment

    sys.argv = ["dbt", *dbt_arguments]
    cli()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
