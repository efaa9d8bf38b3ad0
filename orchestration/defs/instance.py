"""The settings of a home's Dagster instance.

What belongs here: `dagster.yaml`. What does not: definitions.
`orchestration.definitions` and the command line may import this.
"""

from orchestration.settings import Settings

# One run at a time and one step of it at the warehouse; a run whose process died is noticed.
# The landing sensor's run keys and the hourly ticks are kept long enough to explain a quarter.
CONFIG = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  pools:
    granularity: op
    default_limit: 1
  runs:
    max_concurrent_runs: 1
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
  free_slots_after_run_end_seconds: 60
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days:
      skipped: 7
      failure: 30
      success: 90
"""


def write_instance_config(settings: Settings) -> None:
    """Put `dagster.yaml` into the home, unless it says the same already."""
    path = settings.dagster_home / "dagster.yaml"
    if not path.is_file() or path.read_text(encoding="utf-8") != CONFIG:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CONFIG, encoding="utf-8")
