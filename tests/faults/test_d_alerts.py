"""D15: alerts through outages of their channels, lost answers and killed senders."""

import json
import subprocess
import sys
import textwrap

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from orchestration.ledger.store import open_ledger
from orchestration.settings import PROJECT_ROOT
from tests.ledger.alert_bed import (
    Mailbox,
    free_port,
    mail_address,
    mail_server,
    messages,
    no_addresses,
    only_figures,
    open_bed,
    raised,
    swept,
)
from tests.ledger.tending import staffed, tell
from tests.ledger.test_alerts import late

GRAVE = {"severity_code": "critical"}


@pytest.fixture
def bed(tmp_path, monkeypatch):
    """A desk of which no channel has an address yet."""
    no_addresses(monkeypatch)
    desk, clock = open_bed(tmp_path)
    staffed(desk.ledger)
    desk.look()
    yield desk, clock
    desk.ledger.close()


def until_sent(desk, clock, looks: int = 60) -> int:
    """Look every half hour until nothing waits; returns the attempts that failed."""
    failed = 0
    for _ in range(looks):
        failed += len(swept(desk).failed)
        if all(one["state"] == "sent" for one in messages(desk.ledger)):
            return failed
        clock.pass_by(minutes=30)
    raise AssertionError([one["last_error"] for one in messages(desk.ledger)])


def told(desk) -> list[dict]:
    return only_figures(messages(desk.ledger))


def test_d15_mail_comes_once_through_451_and_closed_connections(bed, monkeypatch):
    desk, clock = bed
    box = Mailbox(answers=["451", "close", "451"])
    with mail_server(box) as port:
        monkeypatch.setenv("MESHLINE_CHANNEL_FINANCE", mail_address(port))
        tell(desk.ledger, [late(1, **GRAVE), late(2, exception_code="PAY_OVER", **GRAVE)])
        assert until_sent(desk, clock) == 3
    alerts = [mail for mail in box.taken if "past due" in mail[1]]
    assert len(alerts) == 2
    assert set(box.ids().values()) == {1}
    assert "ex_000001" in "".join(body for _, _, body in alerts)


def test_d15_an_answer_that_was_lost_makes_the_same_mail_come_again_under_its_id(bed, monkeypatch):
    desk, clock = bed
    box = Mailbox(answers=["lose"])
    with mail_server(box) as port:
        monkeypatch.setenv("MESHLINE_CHANNEL_FINANCE", mail_address(port))
        tell(desk.ledger, [late(1, **GRAVE)])
        assert until_sent(desk, clock) == 1
    assert sorted(box.ids().values(), reverse=True)[:2] == [2, 1]
    named = {one["message_id"] for one in messages(desk.ledger)}
    assert {one.strip("<>").split("@")[0] for one in box.ids()} == named


def test_d15_nothing_is_lost_while_the_server_is_down_and_its_backlog_is_what_still_holds(
    bed, monkeypatch
):
    desk, clock = bed
    box, port = Mailbox(), free_port()
    monkeypatch.setenv("MESHLINE_CHANNEL_FINANCE", mail_address(port))
    tell(desk.ledger, [late(1, **GRAVE)])
    assert swept(desk).failed[0][0] == "finance_desk"
    for hour in range(3):
        clock.pass_by(hours=1)
        tell(desk.ledger, [late(10 + hour, **GRAVE)], number=2 + hour)
        swept(desk)
    made = {one["message_id"] for one in told(desk)}
    with mail_server(box, port):
        until_sent(desk, clock)
    received = {one.strip("<>").split("@")[0] for one in box.ids()}
    assert made <= received
    assert set(box.ids().values()) == {1}


def test_d15_after_its_attempts_a_message_goes_by_the_fallback_once(bed, monkeypatch):
    desk, clock = bed
    box = Mailbox()
    with mail_server(box) as port:
        monkeypatch.setenv("MESHLINE_CHANNEL_PAGER", "json://127.0.0.1:9/nobody")
        monkeypatch.setenv("MESHLINE_CHANNEL_DATA", mail_address(port))
        tell(desk.ledger, [late(1, **GRAVE)])
        failed = until_sent(desk, clock)
    most = desk.model.channels.settings.send_attempts
    assert failed == most * len([one for one in told(desk) if one["first_channel"] == "pager"])
    assert {one["channel_code"] for one in told(desk)} == {"data_team"}
    assert set(box.ids().values()) == {1}
    assert all(one["attempts"] >= 1 for one in told(desk))


def test_d15_when_nothing_gets_through_for_a_day_that_itself_is_an_alert(bed, monkeypatch):
    desk, clock = bed
    monkeypatch.setenv("MESHLINE_CHANNEL_FINANCE", "json://127.0.0.1:9/nobody")
    tell(desk.ledger, [late(1, **GRAVE)])
    swept(desk)
    assert raised(desk.ledger)["alerts_silent"] == 0
    clock.pass_by(hours=27)
    swept(desk)
    swept(desk)
    assert raised(desk.ledger)["alerts_silent"] == 1


def test_d15_webhooks_are_signed_and_bear_the_key_that_makes_a_repetition_harmless(
    bed, monkeypatch
):
    desk, clock = bed
    seen: list[tuple[str, str, dict]] = []

    def take(request) -> Response:
        key, signature = request.headers["Idempotency-Key"], request.headers["X-Meshline-Signature"]
        seen.append((key, signature, request.get_json()))
        return Response(status=503 if len(seen) == 1 else 200)

    with HTTPServer() as server:
        server.expect_request("/hook", method="POST").respond_with_handler(take)
        monkeypatch.setenv("MESHLINE_CHANNEL_WEBHOOK", server.url_for("/hook"))
        monkeypatch.setenv("MESHLINE_CHANNEL_WEBHOOK_SECRET", "made-up")
        assert desk.test("machines")
        until_sent(desk, clock)
    assert [key for key, _, _ in seen] == [seen[0][0]] * 2
    assert seen[1][1].startswith("t=")
    assert seen[1][2]["id"] == seen[0][0]


def test_d15_no_address_is_in_the_ledger_or_in_what_fails(bed, monkeypatch):
    desk, _ = bed
    canary = "tok-canary-4711"
    monkeypatch.setenv("MESHLINE_CHANNEL_FINANCE", f"json://user:{canary}@127.0.0.1:9/{canary}")
    monkeypatch.setenv("MESHLINE_CHANNEL_PAGER", f"nonsense://{canary}")
    monkeypatch.setenv("MESHLINE_CHANNEL_DATA", f"mailto://{canary}")
    tell(desk.ledger, [late(1, **GRAVE)])
    done = swept(desk)
    assert len(done.failed) >= 2
    assert canary not in repr(done)
    assert canary.encode() not in (desk.settings.home / "ledger.db").read_bytes()
    assert canary not in json.dumps(messages(desk.ledger))


SENDER = """
    import os, sys
    from pathlib import Path
    from orchestration import alerting
    from orchestration.settings import load_settings

    when, home = sys.argv[1], Path(sys.argv[2])
    desk = alerting.open_desk(load_settings(home=home))
    desk.look()
    real = alerting.send
    def send(channel, message):
        if when == "before":
            os._exit(9)
        real(channel, message)
        os._exit(9)
    alerting.send = send
    desk.send_waiting(alerting.Swept(), __import__("threading").Event())
"""


@pytest.mark.parametrize(("when", "times"), [("before", 1), ("after", 2)])
def test_d15_a_sender_that_is_killed_loses_nothing_and_repeats_at_most_what_it_had_handed_over(
    bed, monkeypatch, tmp_path, when, times
):
    """At least once remains in one place: between the server's answer and the commit."""
    desk, clock = bed
    box = Mailbox()
    with mail_server(box) as port:
        monkeypatch.setenv("MESHLINE_CHANNEL_FINANCE", mail_address(port))
        tell(desk.ledger, [late(1, **GRAVE)])
        desk.look()
        killed = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(SENDER), when, str(desk.settings.home)],
            cwd=PROJECT_ROOT,
            check=False,
        )
        assert killed.returncode == 9
        assert [one["state"] for one in messages(desk.ledger)].count("inflight") == 1
        clock.pass_by(days=400)  # the killed one went by the wall clock of this machine
        with open_ledger(desk.settings.ledger_database):
            until_sent(desk, clock)
    counts = box.ids()
    (taken,) = [one for one in messages(desk.ledger) if one["attempts"] == 2]
    assert counts[f"<{taken['message_id']}@example.test>"] == times
    assert all(count == 1 for name, count in counts.items() if taken["message_id"] not in name)
    assert len(counts) == len(messages(desk.ledger))
