"""R-C4 in a real browser: one person asks for a decision, another signs it, and both see it."""

import pytest

from tests.browser.conftest import sign_in
from tests.browser.test_console import violations
from tests.console.people import colleague

WHY = "The bank's statement shows the whole amount."


def sign_out(page) -> None:
    page.locator("header details summary").last.click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in*")


def exception_of(page, order: str) -> str:
    page.goto(f"/exceptions?q={order}")
    return page.locator("td.what a").first.get_attribute("href")


def card_of(page, text: str):
    return page.locator("section.card", has_text=text)


@pytest.mark.parametrize("scripts", [True, False])
def test_what_is_wrong_with_a_form_is_told_at_its_fields(open_as, keep, scripts):
    page = open_as("finance", width=390, scripts=scripts)
    page.goto(exception_of(page, "GD-1027"))
    page.locator("summary", has_text="Request that another value counts").click()
    page.fill("#v-value", "12,5 EUR")
    page.fill("#value_override-why", "too short")
    page.click("button[value=value_override]")
    page.get_by_text("4 fields need another look. Nothing was asked for.").wait_for()
    assert page.locator("[aria-invalid=true]").count() == 4
    assert page.locator("#v-value").input_value() == "12,5 EUR"
    if scripts:
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        keep(page, "phone-value-refused")


def test_a_value_is_asked_for_by_one_signed_by_another_and_seen_by_both(open_as, console, keep):
    colleague(console)
    page = open_as("finance")
    path = exception_of(page, "GD-1027")
    page.goto(path)
    page.locator("summary", has_text="Request that another value counts").click()
    document = page.locator("#v-document option", has_text="138.34").get_attribute("value")
    page.select_option("#v-document", document)
    page.fill("#v-value", "230.56")
    page.select_option("#value_override-code", "SOURCE_WRONG")
    page.fill("#value_override-why", WHY)
    page.click("button[value=value_override]")
    page.wait_for_url("**/approvals")
    own = card_of(page, WHY)
    assert own.get_by_text("You asked for this: others sign it.").is_visible()
    assert own.locator("button[value=sign]").count() == 0
    keep(page, "light-value-asked")
    sign_out(page)

    sign_in(page, "rhea")
    page.goto("/approvals")
    other = card_of(page, WHY)
    assert "Abel Quint" in other.inner_text()
    assert "230.56 EUR" in other.inner_text()
    other.locator("input[data-act-first]").fill("Looked at the statement of the bank.")
    other.locator("button[value=sign]").click()
    card_of(page, WHY).get_by_text("Approved", exact=True).wait_for()
    page.goto(path)
    assert "signed by Rhea Solano" in card_of(page, WHY).last.inner_text()
    keep(page, "light-value-signed")
    sign_out(page)

    sign_in(page, "finance")
    page.goto(path)
    seen = page.locator("section", has=page.locator("#appr-h"))
    assert "Approved" in seen.inner_text()
    assert "signed by Rhea Solano" in seen.inner_text()
    page.goto("/approvals")
    assert card_of(page, WHY).get_by_text("Approved", exact=True).is_visible()

    (approval,) = [one for one in console.state.desk.approvals() if one["reason"] == WHY]
    assert approval["state_code"] == "approved"
    assert approval["decision"]["details"]["document_ref"] == document
    with console.state.desk.reader() as reader:
        events = [
            (one["action"], one["actor_id"])
            for one in reader.rows(
                "select action, actor_id from events where subject_id = ? order by seq",
                [approval["approval_id"]],
            )
        ]
    assert events == [
        ("approval_requested", "per-abel"),
        ("approval_signed", "per-rhea"),
        ("approval_completed", "per-rhea"),
    ]


def test_a_forced_match_is_asked_for_by_one_and_signed_by_another(open_as, console, keep):
    colleague(console)
    why = "The customer and we agreed on what was paid."
    page = open_as("finance", width=390)
    path = exception_of(page, "GD-1027")
    page.goto(path)
    page.locator("summary", has_text="Request a forced match").click()
    page.click("button[value=forced_match]")
    page.get_by_text("2 fields need another look. Nothing was asked for.").wait_for()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    keep(page, "phone-forced-match-refused")
    page.select_option("#forced_match-code", "DISPUTE_SETTLED")
    page.fill("#forced_match-why", why)
    page.click("button[value=forced_match]")
    page.wait_for_url("**/approvals")
    assert card_of(page, why).locator("button[value=sign]").count() == 0
    sign_out(page)

    sign_in(page, "rhea")
    page.goto("/approvals")
    assert violations(page) == []
    card_of(page, why).locator("input[data-act-first]").fill("Read the agreement with both.")
    card_of(page, why).locator("button[value=sign]").click()
    card_of(page, why).get_by_text("Approved", exact=True).wait_for()
    card_of(page, why).locator("summary", has_text="Take it back").click()
    card_of(page, why).locator("input[id^=b-]").fill("Signed the wrong one of two.")
    card_of(page, why).locator("button[value=revoke]").click()
    card_of(page, why).get_by_text("Revoked", exact=True).wait_for()
    (approval,) = [one for one in console.state.desk.approvals() if one["reason"] == why]
    assert (approval["action_code"], approval["state_code"]) == ("forced_match", "revoked")
