"""What the database itself refuses: changing, deleting or misplacing an event.

What belongs here: the triggers of both databases. What does not: when they are made
(`orchestration.ledger.migrations`). Only the ledger package imports this.

They stop naive SQL. Whoever owns the file can drop them; that is found by the chain and by the
heads that are signed outside (`orchestration.ledger.verifier`).
"""

_REFUSED = "the ledger is append-only: events are never changed, deleted or replaced"
_MISPLACED = "an event must follow the last one: its seq and prev_hash do not"

SQLITE: tuple[str, ...] = (
    f"""
    create trigger events_no_update before update on events
    begin select raise(abort, '{_REFUSED}'); end
    """,
    f"""
    create trigger events_no_delete before delete on events
    begin select raise(abort, '{_REFUSED}'); end
    """,
    # Stops `insert or replace` too: it deletes without the trigger above.
    f"""
    create trigger events_in_order before insert on events
    when new.seq is not (select coalesce(max(seq), 0) + 1 from events)
        or new.prev_hash is not coalesce(
            (select hash from events where seq = new.seq - 1),
            '{"0" * 64}'
        )
    begin select raise(abort, '{_MISPLACED}'); end
    """,
)

POSTGRESQL: tuple[str, ...] = (
    f"""
    create function events_refuse() returns trigger language plpgsql as $$
    begin
        raise exception '{_REFUSED}';
    end $$
    """,
    """
    create trigger events_no_change before update or delete on events
    for each row execute function events_refuse()
    """,
    """
    create trigger events_no_truncate before truncate on events
    for each statement execute function events_refuse()
    """,
    f"""
    create function events_follow() returns trigger language plpgsql as $$
    declare
        last_seq bigint;
        last_hash text;
    begin
        select seq, hash into last_seq, last_hash from events order by seq desc limit 1;
        if new.seq is distinct from coalesce(last_seq, 0) + 1
            or new.prev_hash is distinct from coalesce(last_hash, '{"0" * 64}') then
            raise exception '{_MISPLACED}';
        end if;
        return new;
    end $$
    """,
    """
    create trigger events_in_order before insert on events
    for each row execute function events_follow()
    """,
)
