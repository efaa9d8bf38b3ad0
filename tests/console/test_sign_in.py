"""R-V4: who gets in, how, and what keeps others out."""

from datetime import timedelta

import pytest

from console.accounts.passwords import is_password, weaknesses
from console.accounts.throttle import Throttle
from console.web.guard import safe_next
from tests.console.people import PASSWORD, password_hash, post, sign_in, token_of


def test_the_first_start_has_one_link_and_no_default_password(empty_console):
    store = empty_console.state.store
    assert not store.has_accounts()
    client = empty_console.visitor()
    token = store.make_link(None, "administrator")
    page = client.get(f"/welcome/{token}")
    answer = client.post(
        f"/welcome/{token}",
        data={
            "_token": token_of(page.text),
            "name": "Ada",
            "email": "Ada@Example.com",
            "password": PASSWORD,
            "again": PASSWORD,
        },
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert store.account_of_email("ada@example.com")["role_code"] == "administrator"
    assert client.get(f"/welcome/{token}").status_code == 404
    assert client.get("/settings").status_code == 200


def test_a_weak_or_mistyped_password_is_told_with_every_reason_at_once(empty_console):
    token = empty_console.state.store.make_link(None, "administrator")
    client = empty_console.visitor()
    page = client.get(f"/welcome/{token}")
    answer = client.post(
        f"/welcome/{token}",
        data={"_token": token_of(page.text), "name": "", "email": "x", "password": "aaaa"},
    )
    assert answer.status_code == 422
    for reason in (
        "at least 12",
        "different characters",
        "Give your e-mail",
        "Give your name",
        "passwords differ",
    ):
        assert reason in answer.text
    assert not empty_console.state.store.has_accounts()


def test_every_failure_sounds_the_same_and_lets_nobody_in(console):
    client = console.visitor()
    answers = [
        sign_in(client, "nobody@example.com", PASSWORD),
        sign_in(client, "finance@example.com", "wrong wrong wrong"),
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert all("do not go together" in answer.text for answer in answers)
    assert client.get("/overview").status_code == 303


def test_too_many_wrong_passwords_lock_an_account_for_a_while(console):
    store = console.state.store
    store.add_account("lock@example.com", "L", "finance", password_hash=password_hash())
    client = console.visitor()
    for _ in range(console.state.policy.sign_in.failures_before_lock):
        sign_in(client, "lock@example.com", "wrong wrong wrong")
    assert sign_in(client, "lock@example.com", PASSWORD).status_code == 429
    later = store.clock() + timedelta(minutes=console.state.policy.sign_in.lock_minutes + 1)
    store.clock, kept = (lambda: later), store.clock
    try:
        assert sign_in(client, "lock@example.com", PASSWORD).status_code == 303
    finally:
        store.clock = kept


def test_guesses_from_one_address_are_slowed():
    now = [0.0]
    throttle = Throttle(3, clock=lambda: now[0])
    assert [throttle.is_allowed("a") for _ in range(4)] == [True, True, True, False]
    assert throttle.is_allowed("b")
    now[0] = 61.0
    assert throttle.is_allowed("a")


def test_a_session_ends_by_signing_out_by_idling_and_by_switching_off(console):
    client = console.client("operations")
    cookie = client.cookies["meshline_session"]
    post(client, "/sign-out")
    client.cookies.set("meshline_session", cookie)
    assert client.get("/overview").status_code == 303

    store = console.state.store
    client = console.client("operations")
    later = store.clock() + timedelta(minutes=console.state.policy.sign_in.idle_minutes + 1)
    store.clock, kept = (lambda: later), store.clock
    try:
        assert client.get("/overview").status_code == 303
    finally:
        store.clock = kept

    number = store.add_account("gone@example.com", "G", "finance", password_hash=password_hash())
    client = console.visitor()
    sign_in(client, "gone@example.com", PASSWORD)
    assert client.get("/overview").status_code == 200
    store.change_account(number, is_active=False)
    assert client.get("/overview").status_code == 303
    assert sign_in(client, "gone@example.com", PASSWORD).status_code == 401


def test_the_cookie_is_signed_and_out_of_reach_of_scripts_and_other_sites(console):
    client = console.visitor()
    answer = sign_in(client, "finance@example.com", PASSWORD)
    cookie = next(
        each for each in answer.headers.get_list("set-cookie") if "meshline_session" in each
    )
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    forged = client.cookies["meshline_session"][:-2] + "xx"
    client.cookies.clear()
    answer = client.get("/overview", headers={"cookie": f"meshline_session={forged}"})
    assert answer.status_code == 303


def test_a_write_without_the_token_of_its_session_is_refused(console):
    finance, platform = console.client("finance"), console.client("platform")
    theirs = token_of(platform.get("/settings").text)
    fields = {"page": "exceptions", "name": "Mine", "query": "due=late"}
    assert finance.post("/views", data=fields).status_code == 403
    assert finance.post("/views", data={**fields, "_token": theirs}).status_code == 403
    own = token_of(finance.get("/settings").text)
    foreign = {"sec-fetch-site": "cross-site"}
    answer = finance.post("/views", data={**fields, "_token": own}, headers=foreign)
    assert answer.status_code == 403
    foreign = {"origin": "https://evil.example"}
    answer = finance.post("/views", data={**fields, "_token": own}, headers=foreign)
    assert answer.status_code == 403
    assert finance.post("/views", data={**fields, "_token": own}).status_code == 303


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "/a\nb", ""]
)
def test_after_signing_in_nobody_is_sent_to_another_site(path):
    assert safe_next(path) == "/"


def test_passwords_are_kept_as_argon2id_and_nobody_has_none():
    assert password_hash().startswith("$argon2id$")
    assert is_password(password_hash(), PASSWORD)
    assert not is_password(password_hash(), PASSWORD + "x")
    assert not is_password(None, PASSWORD)
    assert weaknesses(PASSWORD, 12) == ()
    assert weaknesses("ines.aldren and more words", 12, email="ines.aldren@example.com")


def test_the_key_of_a_home_is_made_once_and_readable_by_its_owner_alone(console):
    key = console.state.config.key
    assert len(key.read_bytes()) == 32
    assert key.stat().st_mode & 0o077 == 0
    assert console.state.config.database.stat().st_mode & 0o077 == 0


def test_an_administrator_invites_and_nobody_changes_their_own_role(console):
    admin = console.client("administrator")
    answer = post(
        admin, "/accounts", "/accounts", name="New", email="new@example.com", role="sales"
    )
    assert "/welcome/" in answer.text
    again = post(admin, "/accounts", "/accounts", name="New", email="new@example.com", role="sales")
    assert "has an account already" in again.text
    own = console.state.store.account_of_email("administrator@example.com")["account_id"]
    refused = post(admin, f"/accounts/{own}", "/accounts", action="role", role="sales")
    assert refused.status_code == 403
    assert console.state.store.latest_activity(1)[0]["action"] == "invited"
