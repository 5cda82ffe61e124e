"""The headers of replies that are one page of many."""

from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.requests import Request

from runtime.api.answers import Answer, FunctionPage, TaskPage, TemplatePage
from runtime.api.flow_desk import FlowPage


def page_headers(request: Request, answer: Answer, size: int) -> Mapping[str, str]:
    """Give the headers of one page: how large pages are, and where the next one is, with all that was asked for."""
    headers = {"X-Paging-PageSize": str(size)}
    if isinstance(answer, TaskPage | TemplatePage | FunctionPage | FlowPage) and answer.cursor:
        query = [(name, value) for name, value in request.query_params.multi_items() if name != "last"]
        headers["Link"] = f"<{request.url.path}?{urlencode([*query, ('last', answer.cursor)])}>; rel=next"
    return headers
