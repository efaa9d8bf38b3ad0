"""Who does what by when: clocks, escalation, assignment, signatures, samples, alarms.

What belongs here: pure answers from facts and policies. What does not: policies themselves
(`core.policies`), storing what was decided (`orchestration.ledger`), telling anybody. Anyone may
import this. Nothing here reads a clock: the moment is always given.
"""
