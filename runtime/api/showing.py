"""From answers to what is shown of them, over HTTP and on the command line."""

from enum import StrEnum
from typing import assert_never

from runtime.api.answers import (
    Answer,
    Comments,
    FunctionPage,
    Resealed,
    SeenTask,
    Statistics,
    TakenBatch,
    TaskPage,
    TemplatePage,
)
from runtime.api.codec import to_json
from runtime.api.flow_desk import FlowPage, FlowTypes, PolicyReports
from runtime.api.flow_views import ApprovalView, FlowStepDetail, FlowView
from runtime.api.shapes import (
    comment_shape,
    function_shape,
    listed_shape,
    resolution_shape,
    step_shape,
    task_shape,
    template_shape,
)
from runtime.api.views import view_task
from runtime.engine.task import Comment
from runtime.errors import NotFound, did_you_mean
from runtime.templates.model import Function, Template
from runtime.values.json import Json


class View(StrEnum):
    """What is shown of a task."""

    TASK = "task"
    RESOLUTION = "resolution"
    STEP = "step"


def shown(answer: Answer, view: View = View.TASK, step: str = "") -> Json:
    """Show an answer as JSON; of a task, the `view` of it that is wanted.

    Raises:
        NotFound: the task has no such step.
    """
    match answer:
        case SeenTask():
            return _task(answer, view, step)
        case TaskPage(tasks=tasks):
            return [listed_shape(one) for one in tasks]
        case TemplatePage(templates=templates):
            return [template_shape(one, listed=True) for one in templates]
        case FunctionPage(functions=functions):
            return [function_shape(one) for one in functions]
        case Template():
            return template_shape(answer)
        case Function():
            return function_shape(answer)
        case Comment():
            return comment_shape(answer)
        case Comments(comments=comments):
            return [comment_shape(one) for one in comments]
        case Statistics(task_states=states, age=age):
            return {"task_states": dict(states), **({"age_seconds": round(age, 1)} if age else {})}
        case TakenBatch():
            return {"id": answer.id, "tasks": list(answer.tasks)}
        case Resealed(rows=rows):
            return {"rows": rows}
        case FlowView() | FlowStepDetail() | ApprovalView():
            return to_json(answer)
        case FlowPage(flows=flows):
            return [to_json(one) for one in flows]
        case FlowTypes(types=types):
            return [to_json(one) for one in types]
        case PolicyReports(reports=reports):
            return [to_json(one) for one in reports]
        case None:
            return None
        case _:
            assert_never(answer)


def _task(answer: SeenTask, view: View, step: str) -> Json:
    match view:
        case View.TASK:
            return task_shape(answer.task, answer.around, administers=answer.administers)
        case View.RESOLUTION:
            return resolution_shape(answer.task, manages=answer.manages, instance=answer.around.instance)
        case View.STEP:
            steps = view_task(answer.task).steps
            if step not in steps:
                raise NotFound("step", step, did_you_mean(step, list(steps)))
            return step_shape(answer.task, step, steps[step], manages=answer.manages)
        case _:
            assert_never(view)
