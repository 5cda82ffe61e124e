"""What ``understudy flow --server`` does: sends one message, and tells what happens until the flow rests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from runtime.api.commands import Command
from runtime.api.flow_queries import GetFlow
from runtime.api.flow_submission import FILES
from runtime.api.queries import Query
from runtime.cli.flow import Request, inputs_of
from runtime.cli.flow_report import News, exit_status, report, report_answer
from runtime.cli.remote import Remote, ServerRefused
from runtime.errors import FlowInvalid
from runtime.flow.document import draft_of, with_names
from runtime.templates.loading import read_document
from runtime.values.json import Json

_INTERRUPTED: Final = 130


def perform_remotely(request: Request) -> int:
    """Do what was asked and give the exit status.

    Raises:
        Refused: the server did not take it, and nothing happened.
    """
    with Remote(request.server, token=request.token, user=request.user) as server:
        try:
            return _perform(server, request)
        except KeyboardInterrupt:  # the flow goes on there
            return _INTERRUPTED


def _perform(server: Remote, request: Request) -> int:
    message = _submission(request) if request.runs else request.message()
    if request.reads:
        return report_answer(request.tag, server.ask(message), as_json=request.as_json)
    before = None if request.runs else server.ask(GetFlow(flow_id=request.flow_id))
    view = server.ask(message)
    if view is None:  # it was deleted
        return 0
    if request.wait and request.starts:
        view = _followed(server, view, News(before, replayed=True), quiet=request.as_json)
    report(view, as_json=request.as_json)
    return exit_status(view)


def _written(path: str) -> Mapping[str, Json]:
    """Give a file of a flow as it is written: what is wrong with it, the server says, all at once."""
    document, source = read_document(path, FlowInvalid)
    data = with_names(document.data)
    if not isinstance(data, Mapping):
        raise FlowInvalid(draft_of(data).faults, source)
    return data


def _submission(request: Request) -> Command | Query:
    inputs = inputs_of(request.inputs)
    if Path(request.document).suffix in FILES:
        return request.message(document=_written(request.document), inputs=inputs)
    return request.message(flow_type=request.document, inputs=inputs)


def _followed(server: Remote, view: Mapping[str, Any], news: News, *, quiet: bool) -> Mapping[str, Any]:
    """Tell what happens to a flow until it rests; give it as it is then."""
    events = server.events(task_id=view["id"])
    while not (view["at_rest"] and (quiet or news.complete(view))):
        event = next(events, None)
        if event is None:
            raise ServerRefused(f"the server tells no more of flow {view['id']}: see how it stands with show")
        news.tell(event, quiet=quiet)
        if not view["at_rest"]:
            view = server.ask(GetFlow(flow_id=view["id"]))
    return view
