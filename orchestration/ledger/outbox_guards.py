"""What the database itself refuses of intents: sending what nobody released, changing what it is.

What belongs here: the triggers of both databases. What does not: when they are made
(`orchestration.ledger.migrations`). Only the ledger package imports this.

An intent leaves `held` only with an event of the chain that releases this very payload; where an
approval is named, the chain must hold that it was signed and used.
"""

_UNRELEASED = (
    "an intent may leave held only with its release in the chain: release_seq must name the event "
    "intent_released of this intent and payload"
)
_UNAPPROVED = "an intent names an approval that the chain does not hold as granted"
_FIXED = "what an intent is never changes: only its state and its proofs do"
_KEPT = "intents are never deleted"
_FIXED_COLUMNS = (
    "intent_id",
    "intent_no",
    "target_code",
    "artifact_kind",
    "artifact_id",
    "natural_key",
    "artifact_version",
    "content_hash",
    "tenant",
    "recon_key",
    "order_key",
    "order_version",
    "rule_id",
    "rule_version",
    "is_provisional",
    "amount",
    "currency_code",
    "idem_key",
    "payload",
    "payload_hash",
    "needs_approval",
)
# `needs_approval` may be switched on, never off.
_CHANGED = " or ".join(
    f"new.{name} is not old.{name}" for name in _FIXED_COLUMNS if name != "needs_approval"
)
_RELEASED = """
    exists (
        select 1 from events
        where events.seq = new.release_seq
            and events.action = 'intent_released'
            and events.subject_type = 'intent'
            and events.subject_id = new.intent_id
            and {names_it}
    )
"""
_APPROVED = """
    exists (
        select 1 from events
        where events.subject_type = 'approval'
            and events.subject_id = new.approval_id
            and events.action = 'approval_used'
            and not exists (
                select 1 from events as later
                where later.subject_type = 'approval'
                    and later.subject_id = new.approval_id
                    and later.action in ('approval_revoked', 'approval_reopened')
                    and later.seq > events.seq
            )
    )
"""
# Payloads of events are canonical, so the hash of ours stands in them in one spelling only.
_SPELLED = """'"payload_hash":"' || new.payload_hash || '"'"""
_IN_SQLITE = _RELEASED.format(names_it=f"instr(events.payload, {_SPELLED}) > 0")
_IN_POSTGRESQL = _RELEASED.format(names_it=f"position({_SPELLED} in events.payload) > 0")


def _sqlite(event: str) -> tuple[str, ...]:
    """The two proofs, for inserts or updates."""
    name = event.split(maxsplit=1)[0]
    return (
        f"""
        create trigger intents_released_{name} before {event} on intents
        when new.state not in ('held', 'superseded') and not {_IN_SQLITE}
        begin select raise(abort, '{_UNRELEASED}'); end
        """,
        f"""
        create trigger intents_approved_{name} before {event} on intents
        when new.approval_id is not null and not {_APPROVED}
        begin select raise(abort, '{_UNAPPROVED}'); end
        """,
    )


SQLITE: tuple[str, ...] = (
    *_sqlite("insert"),
    *_sqlite("update of state, release_seq, gate_run_id, approval_id"),
    f"""
    create trigger intents_fixed before update of {", ".join(_FIXED_COLUMNS)} on intents
    when {_CHANGED} or (old.needs_approval and not new.needs_approval)
    begin select raise(abort, '{_FIXED}'); end
    """,
    f"""
    create trigger intents_kept before delete on intents
    begin select raise(abort, '{_KEPT}'); end
    """,
)

POSTGRESQL: tuple[str, ...] = (
    f"""
    create function intents_proven() returns trigger language plpgsql as $$
    begin
        if new.state not in ('held', 'superseded') and not {_IN_POSTGRESQL} then
            raise exception '{_UNRELEASED}';
        end if;
        if new.approval_id is not null and not {_APPROVED} then
            raise exception '{_UNAPPROVED}';
        end if;
        return new;
    end $$
    """,
    """
    create trigger intents_released before insert or update on intents
    for each row execute function intents_proven()
    """,
    f"""
    create function intents_unchanged() returns trigger language plpgsql as $$
    begin
        if {_CHANGED.replace(" is not ", " is distinct from ")}
            or (old.needs_approval and not new.needs_approval) then
            raise exception '{_FIXED}';
        end if;
        return new;
    end $$
    """,
    """
    create trigger intents_fixed before update on intents
    for each row execute function intents_unchanged()
    """,
    f"""
    create function intents_refuse() returns trigger language plpgsql as $$
    begin
        raise exception '{_KEPT}';
    end $$
    """,
    """
    create trigger intents_kept before delete on intents
    for each row execute function intents_refuse()
    """,
    """
    create trigger intents_no_truncate before truncate on intents
    for each statement execute function intents_refuse()
    """,
)
