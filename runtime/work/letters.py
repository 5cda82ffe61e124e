"""What instances write each other: questions about tasks, and their answers, as bytes.

Encoded as records are, strictly: an instance that does not know a question cannot have been asked it, and says so.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, get_args

import attrs
import msgspec
from msgspec import msgpack

from runtime.api.flow_messages import DeleteFlow, FlowCommand
from runtime.api.messages import DeleteTask, StartTaskOver
from runtime.errors import (
    AlreadyExists,
    Conflict,
    Fault,
    FlowInvalid,
    Forbidden,
    InputInvalid,
    Invalid,
    NotFound,
    Refused,
    RequestInvalid,
    TemplateInvalid,
    Unavailable,
    UnderstudyError,
)
from runtime.journal.codec import Form, decode_template, encode_template, encode_value
from runtime.work.messages import AdmitRun, GiveTurn, NewerFlow, WakeTask
from runtime.work.requests import Request

Question: TypeAlias = Request | DeleteTask | DeleteFlow | FlowCommand | GiveTurn | NewerFlow


class Uncertain(Unavailable):
    """What was asked may have been done, or may still be."""


class LetterUnreadable(UnderstudyError):
    """A letter is none that this version knows."""


_QUESTIONS: Final[Mapping[str, type]] = {
    message.__name__: message for message in get_args(Question) if message not in {WakeTask, AdmitRun}
}
_FORMS: Final = {
    name: Form(message, **({"template": bytes | None} if message is StartTaskOver else {}))
    for name, message in _QUESTIONS.items()
}
_INVALID: Final[Mapping[str, type[Invalid]]] = {
    error.__name__: error for error in (TemplateInvalid, InputInvalid, FlowInvalid, RequestInvalid)
}
_REFUSALS: Final[Mapping[str, type[Refused]]] = {
    error.__name__: error for error in (AlreadyExists, Conflict, Forbidden, Uncertain, Unavailable)
}


@attrs.frozen(kw_only=True)
class _Answer:
    """What became of a question. `kind` is empty where it was done, else the name of the error."""

    kind: str = ""
    text: str = ""
    about: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


_question: Final = msgpack.Decoder(tuple[str, msgspec.Raw])
_answer: Final = Form(_Answer)


def encode_question(question: Any) -> bytes:
    """Write a question.

    Raises:
        LetterUnreadable: it is none that is asked elsewhere.
    """
    name = type(question).__name__
    if _QUESTIONS.get(name) is not type(question):
        raise LetterUnreadable(f"a {name} is not asked of other instances")
    content: object = question
    if isinstance(question, StartTaskOver):
        fields = {field.name: getattr(question, field.name) for field in attrs.fields(StartTaskOver)}
        content = {**fields, "template": None if question.template is None else encode_template(question.template)[1]}
    return encode_value([name, content])


def decode_question(body: bytes) -> Question:
    """Read a question.

    Raises:
        LetterUnreadable: this version does not know it.
    """
    try:
        name, raw = _question.decode(body)
        form = _FORMS.get(name)
        if form is None:
            raise LetterUnreadable(f"a {name} is not known here")
        content = form.decode(raw)
    except (msgspec.MsgspecError, ValueError, TypeError) as fault:
        raise LetterUnreadable(f"a question cannot be read: {fault}") from fault
    if name == StartTaskOver.__name__:
        fields = {field.name: getattr(content, field.name) for field in attrs.fields(StartTaskOver)}
        template = fields["template"]
        return StartTaskOver(**{**fields, "template": None if template is None else decode_template(template)})
    question: Question = content
    return question


def encode_answer(error: Exception | None) -> bytes:
    """Write that something was done, or why not."""
    match error:
        case None:
            answer = _Answer()
        case Invalid() if type(error).__name__ in _INVALID:
            answer = _Answer(kind=type(error).__name__, about=(error.source,), faults=error.faults)
        case NotFound():
            answer = _Answer(kind="NotFound", text=str(error), about=(error.kind, error.name))
        case _:
            known = next((name for name, kind in _REFUSALS.items() if isinstance(error, kind)), "Conflict")
            answer = _Answer(kind=known, text=str(error))
    return encode_value(answer)


def decode_answer(body: bytes) -> Exception | None:
    """Read an answer.

    Raises:
        LetterUnreadable: it is none.
    """
    try:
        answer: _Answer = _answer.decode(body)
    except (msgspec.MsgspecError, ValueError, TypeError) as fault:
        raise LetterUnreadable(f"an answer cannot be read: {fault}") from fault
    if not answer.kind:
        return None
    if answer.kind in _INVALID:
        return _INVALID[answer.kind](answer.faults, "".join(answer.about[:1]))
    if answer.kind == "NotFound":
        error = NotFound(*answer.about)
        error.args = (answer.text,)  # with its hint
        return error
    return _REFUSALS.get(answer.kind, Conflict)(answer.text)
