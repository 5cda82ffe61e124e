"""What instances write each other comes out as it went in."""

import pytest

from runtime.api import flow_messages as flows
from runtime.api import messages as api
from runtime.errors import Conflict, Fault, Forbidden, InputInvalid, NotFound, RequestInvalid, Unavailable
from runtime.flow.rerun_input import RerunInput
from runtime.flow.states import ApprovalOption
from runtime.values.json import Number
from runtime.wishes import SpawnedTask
from runtime.work.letters import (
    _QUESTIONS,
    LetterUnreadable,
    Uncertain,
    decode_answer,
    decode_question,
    encode_answer,
    encode_question,
)
from runtime.work.messages import ChildCameToRest, GiveTurn, GiveUp, NewerFlow, WakeTask
from tests.support.plans import plan, step

TEMPLATE = plan(a=step())
QUESTIONS = [
    api.ResolveTask(
        task_id="t", resolution_id="r", resolver="ann", resolver_groups=("a", "b"), resolver_inputs={"n": 1}
    ),
    api.RunTask(task_id="t"),
    api.CancelTask(task_id="t", requester="ann", reason="é\x00"),
    api.InterruptStep(task_id="t", step="a", attempt=2, retry=False),
    api.PauseTask(task_id="t", force=True),
    api.ExtendTask(task_id="t"),
    api.StartTaskOver(task_id="t", resolution_id="r", template=TEMPLATE),
    api.StartTaskOver(task_id="t", resolution_id="r", resolver_inputs={"n": [None, 2**70]}),
    api.RejectTask(task_id="t"),
    api.EditTaskSteps(task_id="t", edits=3, steps={}, removed=("b",)),
    api.SetStepState(task_id="t", step="a", state="DONE"),
    api.EditTaskInputs(task_id="t", edits=1, inputs={"x": Number("1.50")}, title="t", tags={"a": "b"}),
    api.EditResolverInputs(task_id="t", resolver_inputs={}),
    api.AddComment(task_id="t", comment_id="c", username="ann", content="x"),
    api.EditComment(task_id="t", comment_id="c", content="x"),
    api.DeleteComment(task_id="t", comment_id="c"),
    api.DeleteTask(task_id="t"),
    api.CallCallback(task_id="t", callback_id="c", secret="s", body={"deep": [{}]}),
    ChildCameToRest(task_id="t", batch="b", child=SpawnedTask(id="c", state="DONE", result={"x": [1]})),
    flows.StartFlow(flow_id="f"),
    flows.CancelFlow(flow_id="f", by="ann", step_id="s"),
    flows.InterruptFlowStep(flow_id="f", by="ann", step_id="s", attempt=2),
    flows.AnswerApproval(flow_id="f", step_id="s", type="approve", admin=True),
    flows.SetApprovalOption(flow_id="f", option=next(iter(ApprovalOption))),
    flows.RetryStep(flow_id="f", step_id="s", stale_plan=None),
    flows.SkipStep(flow_id="f", step_id="s"),
    flows.RetryGroup(flow_id="f", step_id="s"),
    flows.RerunFlow(
        flow_id="f", input=RerunInput(flow_id="f", step_id="s", operation="retry", additional_skip_step_ids=("x",))
    ),
    flows.DeleteFlow(flow_id="f"),
    api.TagTask(task_id="t", tags={"a": "b"}),
    flows.PauseFlow(flow_id="f"),
    flows.UnpauseFlow(flow_id="f"),
    GiveUp(task_id="t", by="ann", reason="its step was cut"),
    GiveTurn("f"),
    NewerFlow("f", "g"),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: type(question).__name__)
def test_a_question_comes_out_as_it_went_in(question):
    assert decode_question(encode_question(question)) == question


def test_every_question_is_tested_here():
    assert set(_QUESTIONS.values()) == {type(question) for question in QUESTIONS}


@pytest.mark.parametrize(
    "error",
    [
        None,
        Conflict("no"),
        Forbidden("you"),
        Unavailable("later"),
        Uncertain("perhaps"),
        NotFound("task", "t", "it was never submitted here"),
        InputInvalid([Fault("a.b", "wrong", "mend it"), Fault("", "worse")], "file"),
        RequestInvalid([Fault("x", "y")]),
    ],
)
def test_an_answer_comes_out_as_it_went_in(error):
    back = decode_answer(encode_answer(error))
    assert (type(back), str(back)) == (type(error), str(error))
    assert getattr(back, "faults", None) == getattr(error, "faults", None)


def test_what_is_none_is_refused():
    for question in (WakeTask("t", 1), api.GetTask(task_id="t"), object()):
        with pytest.raises(LetterUnreadable):
            encode_question(question)
    for body in (b"", b"\x00", encode_answer(Conflict("x")), encode_question(QUESTIONS[1])[:-3]):
        with pytest.raises(LetterUnreadable):
            decode_question(body)
    with pytest.raises(LetterUnreadable):
        decode_answer(b"nonsense")
