"""The server holds to the OpenAPI document it gives, whatever is sent that the document allows."""

from collections.abc import Iterable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from runtime.server.openapi import document
from tests.runtime.server.test_flow_routes import KIT
from tests.runtime.server.test_routes import BY_HAND, HELLO, WRONG
from tests.support.api_server import server_in_a_thread

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SCHEMA = schemathesis.openapi.from_dict(document()).exclude(
    path="/v1/events"
)  # it is answered for as long as one listens
FOUND: Iterable[Any] = SCHEMA.get_all_operations()
OPERATIONS = [found.ok() for found in FOUND]


@pytest.fixture(scope="module")
def url():
    with server_in_a_thread([HELLO, BY_HAND, WRONG], flows=KIT) as address:
        yield address


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_no_request_that_the_document_allows_is_answered_otherwise_than_it_says(url, operation):
    @settings(
        max_examples=8,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case):
        reply = case.call(base_url=url, headers={"x-remote-user": "admin"}, timeout=20)
        case.validate_response(reply, checks=CHECKS)

    ask()
