"""Whether a server is configured; imported by every run, so nothing here takes time to import.

What belongs here: the name of the setting. What does not: using it
(`orchestration.serving.postgres`).
"""

from orchestration.settings import read_secret

VARIABLE = "MESHLINE_SERVING_URL"


def is_wanted() -> bool:
    """Whether a server is configured.

    Raises:
        UsageRefused: The file with its address cannot be read.
    """
    return bool(read_secret(VARIABLE))
