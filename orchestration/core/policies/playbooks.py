"""Playbooks: what to do about an exception, with this order's values filled in.

What belongs here: the shape of a playbook, its placeholders, reading and filling its text. What
does not: finding the files (`connectors.operating_model`). Anyone may import this.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# What a step may name, and what it is. Whoever shows a playbook gives the values.
PLACEHOLDERS: Mapping[str, str] = {
    "exception_id": "the exception",
    "exception_code": "its class",
    "recon_key": "the reconciliation key of the order",
    "order_id": "the order's id at its source",
    "order_type": "what kind of order it is",
    "customer_id": "the customer",
    "sales_owner": "who sold it",
    "line": "the order line",
    "native_ref": "the document, as its source names it",
    "source_system": "the system that reported the document",
    "leg": "the leg that is compared",
    "currency": "the currency",
    "expected_amount": "what should be there",
    "actual_amount": "what is there",
    "difference": "actual less expected",
    "leak_amount": "the money at risk",
    "expected_quantity": "the quantity that should be there",
    "actual_quantity": "the quantity that is there",
    "documents": "how many documents were compared",
    "explanation": "the difference in a sentence",
    "nearest_miss": "the document that comes closest",
    "rule": "the rule that decided, with its version",
    "opened_at": "when it was found",
    "due_at": "when it must be resolved",
    "owner": "the role that resolves it",
    "approver": "the role that answers for it",
    "assignee": "the person who has it",
    "incident_id": "the incident that it belongs to",
    "tenant": "the tenant",
}
UNKNOWN = "(not known)"
SECTIONS = ("What happened", "Why it matters", "Steps", "Who", "Done when")
_PLACEHOLDER = re.compile(r"\{([^{}\n]*)\}")
_STEP = re.compile(r"^(\d+)\.\s+(.*)$")
_LEAST_STEPS = 3


@dataclass(frozen=True, slots=True)
class Playbook:
    """What to do about one class of exception; texts hold {placeholders}.

    Attributes:
        code: The exception class.
        title: What the class means.
        happened: What happened.
        matters: Why it matters.
        steps: What to do, in order.
        who: Who does it and who approves.
        done: When it is done.
        version: First 12 hex digits of the SHA-256 of the text, so that a ticket can name it.
    """

    code: str
    title: str
    happened: str
    matters: str
    steps: tuple[str, ...]
    who: str
    done: str
    version: str

    def filled(self, values: Mapping[str, str | None]) -> "Playbook":
        """Return the playbook of one exception.

        Args:
            values: Text by placeholder; what is missing, None or empty shows as `(not known)`.
                Extra names are ignored.
        """
        return Playbook(
            code=self.code,
            title=fill(self.title, values),
            happened=fill(self.happened, values),
            matters=fill(self.matters, values),
            steps=tuple(fill(step, values) for step in self.steps),
            who=fill(self.who, values),
            done=fill(self.done, values),
            version=self.version,
        )


def fill(text: str, values: Mapping[str, str | None]) -> str:
    """Return a text with its placeholders filled; a value is never read as text with placeholders.

    Args:
        text: With {placeholders} of `PLACEHOLDERS`.
        values: Text by placeholder. Line breaks and control characters in a value become spaces,
            so that a value from a source cannot add a step.
    """
    return _PLACEHOLDER.sub(lambda found: _shown(values.get(found[1])), text)


def _shown(value: str | None) -> str:
    plain = " ".join("".join(c if c.isprintable() else " " for c in value or "").split())
    return plain or UNKNOWN


def read_playbook(code: str, text: str) -> tuple[Playbook | None, tuple[tuple[int, str], ...]]:
    """Return the playbook in a Markdown text, and its problems as (line, sentence).

    Args:
        code: The exception class that it must be for.
        text: `# CODE: title`, then one `## ` section for each of `SECTIONS`, in that order; the
            steps are numbered from 1.
    """
    lines = text.splitlines()
    problems = list(_placeholder_problems(lines))
    title, found = _title(code, lines)
    problems += found
    sections, found = _sections(lines)
    problems += found
    if tuple(sections) != SECTIONS:
        wanted = ", ".join(SECTIONS)
        problems.append((1, f"has the sections {', '.join(sections) or 'none'}; give it {wanted}"))
        return None, tuple(problems)
    steps, found = _steps(sections["Steps"])
    problems += found
    problems += [
        (begin, f"section {name!r} is empty")
        for name, (begin, content) in sections.items()
        if not " ".join(content).strip()
    ]
    if problems:
        return None, tuple(problems)
    texts = {name: " ".join(" ".join(content).split()) for name, (_, content) in sections.items()}
    playbook = Playbook(
        code=code,
        title=title,
        happened=texts["What happened"],
        matters=texts["Why it matters"],
        steps=steps,
        who=texts["Who"],
        done=texts["Done when"],
        version=hashlib.sha256(text.encode()).hexdigest()[:12],
    )
    return playbook, ()


def _title(code: str, lines: list[str]) -> tuple[str, list[tuple[int, str]]]:
    first = lines[0] if lines else ""
    head = f"# {code}: "
    if not first.startswith(head) or not first[len(head) :].strip():
        return "", [(1, f"begins with {first!r}; begin with '{head}' and what it means")]
    return first[len(head) :].strip(), []


def _sections(
    lines: list[str],
) -> tuple[dict[str, tuple[int, list[str]]], list[tuple[int, str]]]:
    sections: dict[str, tuple[int, list[str]]] = {}
    problems: list[tuple[int, str]] = []
    name = None
    for number, line in enumerate(lines, start=1):
        if line.startswith("## "):
            name = line[3:].strip()
            if name in sections:
                problems.append((number, f"section {name!r} is there twice"))
            sections[name] = (number, [])
        elif name is not None:
            sections[name][1].append(line)
        elif number > 1 and line.strip():
            problems.append((number, "text before the first section; put it into one"))
    return sections, problems


def _steps(section: tuple[int, list[str]]) -> tuple[tuple[str, ...], list[tuple[int, str]]]:
    begin, lines = section
    steps: list[str] = []
    problems: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=begin + 1):
        if not line.strip():
            continue
        numbered = _STEP.match(line)
        if numbered:
            steps.append(numbered[2].strip())
            if int(numbered[1]) != len(steps):
                problems.append((number, f"step {numbered[1]} is the {len(steps)}. step"))
        elif steps and line.startswith("   "):
            steps[-1] += f" {line.strip()}"
        else:
            problems.append((number, "is no numbered step and no indented part of one"))
    if len(steps) < _LEAST_STEPS:
        problems.append(
            (begin, f"has {len(steps)} steps; say what to do in {_LEAST_STEPS} or more")
        )
    return tuple(steps), problems


def _placeholder_problems(lines: list[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, start=1):
        for name in _PLACEHOLDER.findall(line):
            if name not in PLACEHOLDERS:
                known = ", ".join(sorted(PLACEHOLDERS))
                yield number, f"placeholder {{{name}}} is not known; known are {known}"
        rest = _PLACEHOLDER.sub("", line)
        if "{" in rest or "}" in rest:
            yield number, "has a brace without its other half"
