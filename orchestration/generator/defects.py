"""Defects put into generated orders, and the exception that each must lead to.

What belongs here: which order gets which defect. What does not: how one is made (`injectors`).
Only the generator imports this.
"""

from orchestration.generator.chunk import Chunk
from orchestration.generator.truth import ExpectedException
from orchestration.generator.world import World


def inject(world: World, chunk: Chunk, per_million: int) -> tuple[Chunk, list[ExpectedException]]:
    """Return the chunk with its defects, and what must be found."""
    return chunk, []
