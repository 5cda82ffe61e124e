"""Tests of a template, as a team writes them for its own: ``python -m pytest examples/test_order.py``."""

from pathlib import Path

from runtime.testing import ClientError, Outcome, StepFailed, rehearse

ORDER = Path(__file__).parent / "order.yaml"


def test_an_order_is_paid_and_told_once_its_price_is_known() -> None:
    played = rehearse(
        ORDER,
        {"number": "7", "customer": "ada@example.org"},
        steps={"price": [StepFailed("busy"), Outcome(output={"euros": 30})], "pay": Outcome()},
        actions={"email": Outcome()},
    )
    assert played.task.state == "DONE"
    assert played.order == ("price", "price", "pay", "tell")
    assert played.calls_of("pay")[0].configuration["body"] == '{"order":"7","euros":30}'
    assert played.task.result == {"paid": "30"}


def test_an_order_that_nobody_knows_is_not_paid() -> None:
    unknown = ClientError("no such order", metadata={"HTTPStatus": 404})
    played = rehearse(ORDER, {"number": "8", "customer": "ada@example.org"}, steps={"price": unknown})
    assert played.task.steps["price"].state == "UNKNOWN"
    assert [played.task.steps[name].state for name in ("pay", "tell")] == ["PRUNE", "PRUNE"]
    assert played.order == ("price",)
