"""The messages and small actors the tests of this folder share."""

import attrs
import trio

from actors import Actor, Effects, Question, StopReason, answers, handles


@attrs.frozen(kw_only=True)
class Add:
    amount: int = 1


@attrs.frozen(kw_only=True)
class Total:
    pass


@attrs.frozen(kw_only=True)
class Crash:
    error: BaseException = attrs.field(factory=lambda: ValueError("boom"))


class Counter(Actor[Add | Total | Crash]):
    """Counts; crashes when told."""

    def __init__(self, total: int = 0) -> None:
        self.total = total

    @handles(Add)
    def add(self, message: Add) -> Effects:
        self.total += message.amount
        return None

    @answers(Total)
    def tell(self, question: Question[Total]) -> Effects:
        question.answer(self.total)
        return None

    @handles(Crash)
    def crash(self, message: Crash) -> Effects:
        raise message.error


def soon(seconds: float = 1.0) -> float:
    return trio.current_time() + seconds


def bye(text: str = "test") -> StopReason:
    return StopReason.shutdown("test", text)
