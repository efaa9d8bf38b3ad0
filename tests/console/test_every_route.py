"""Every route against generated addresses and forms: whatever comes, nothing breaks."""

import schemathesis
from hypothesis import HealthCheck, given, settings

from tests.console.people import token_of

EXAMPLES = 12
NONSENSE = {"action": "sign", "next": "//x", "name": "\x00", "page": "exceptions", "query": "'"}


def test_no_address_and_no_form_breaks_the_console(console):
    """The description of the routes is made for this test alone; the console does not serve it."""
    client = console.client("administrator")
    token = token_of(client.get("/settings").text)
    schema = schemathesis.openapi.from_dict(console.app.openapi())
    operations = [each.ok() for each in schema.get_all_operations()]
    broken, asked = [], set()
    for operation in operations:
        # Signing out would end the walk; the provider has tests of its own.
        if operation.path.startswith("/oidc") or operation.path == "/sign-out":
            continue

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        def probe(case):
            asked.add(case.operation.path)
            if case.method.upper() == "GET":
                answer = client.get(case.formatted_path, params=case.query or None)
            else:
                answer = client.post(case.formatted_path, data={**NONSENSE, "_token": token})
            if answer.status_code == 500:
                broken.append(f"{case.method} {answer.request.url}")

        probe()
    assert broken == []
    assert len(asked) > 30
