"""The policy of the source gates, read from `seeds/rules/source_plausibility.yml`.

What belongs here: reading and validating that one file. What does not: what is done with it.
Anyone in `expectations` may import this.
"""

from datetime import date
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestration.core.errors import ContractError

FILE = Path("rules") / "source_plausibility.yml"


class _Policy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Systemic(_Policy):
    """When failing rows are no longer single mistakes.

    Attributes:
        least_rows: Fewest failing rows of one stream and run.
        least_per_mille: Smallest share of the judged rows, in thousandths.
    """

    least_rows: int = Field(ge=1)
    least_per_mille: int = Field(ge=1, le=1000)

    def holds(self, *, failing: int, judged: int) -> bool:
        """Whether `failing` of `judged` rows speak for a fault of the whole delivery."""
        return failing >= self.least_rows and failing * 1000 >= judged * self.least_per_mille


class Volume(_Policy):
    """When the size of a delivery is unlike the earlier ones of its stream.

    Attributes:
        least_deliveries: Earlier deliveries needed before anything is said.
        least_per_mille: Smallest plausible size against the median, in thousandths.
        most_per_mille: Largest plausible size against the median, in thousandths.
        most_rejected_per_mille: Largest plausible share of rejected rows, in thousandths.
    """

    least_deliveries: int = Field(ge=1)
    least_per_mille: int = Field(ge=0, le=1000)
    most_per_mille: int = Field(ge=1000)
    most_rejected_per_mille: int = Field(ge=0, le=1000)


class SourcePolicy(_Policy):
    """What the rows of a source may plausibly say.

    Attributes:
        version: Version of these rules.
        earliest_on: No business date lies before.
        latest_on: No business date lies after.
        future_hours: How far an event may lie after the run's as-of moment (clock skew), hours.
        systemic: When warnings block.
        volume: Sizes of deliveries.
    """

    version: int = Field(ge=1)
    earliest_on: date
    latest_on: date
    future_hours: int = Field(ge=0)
    systemic: Systemic
    volume: Volume


def load_policy(seeds: Path) -> SourcePolicy:
    """Return the policy of the source gates.

    Raises:
        ContractError: The file is missing or not valid; lists every problem.
    """
    path = seeds / FILE
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return SourcePolicy.model_validate(content)
    except OSError as error:
        raise ContractError(f"{FILE}: cannot be read ({error.strerror}). Restore it.") from error
    except yaml.YAMLError as error:
        raise ContractError(f"{FILE}: is not valid YAML: {error}. Correct it.") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in each['loc']) or 'the file'}: {each['msg']}"
            for each in error.errors()
        )
        raise ContractError(f"{FILE}: {problems}. Correct these values.") from error
