"""Generated extracts with known defects and their truth. Imports core only.

What belongs here: the names that others use. What does not: how an extract is made (`api`).
The command line, tests and benchmarks import this.
"""

from orchestration.generator.api import GenerateReport, generate
from orchestration.generator.change import generate_change

__all__ = ["GenerateReport", "generate", "generate_change"]
