"""What an actor promises: turns, handlers, questions, orderly stops."""

import dataclasses
import math

import attrs
import pytest
import trio

from actors import (
    Actor,
    ActorStopped,
    Answer,
    AskExpired,
    Begin,
    ChildSpec,
    Effects,
    End,
    ForeignMessage,
    HandlersInvalid,
    MailboxFull,
    Post,
    Question,
    Restart,
    Returned,
    StopKind,
    Stopped,
    StopReason,
    answers,
    handles,
    open_supervisor,
)
from tests.actors.messages import Add, Counter, Crash, Total, bye, soon


def spec(actor, child_id="it", **more):
    return ChildSpec(id=child_id, start=lambda _: actor, restart=Restart.TEMPORARY, **more)


async def test_posts_are_handled_in_order_and_questions_are_answered():
    async with open_supervisor("s") as s:
        counter = s.start_child(spec(Counter()))
        for amount in range(10):
            counter.post(Add(amount=amount))
        assert await counter.ask(Total(), deadline=soon()) == 45
        assert counter.name == "it"
        assert counter.incarnation == 1
        assert counter.path == "s/it"
        assert counter.stopped is None


async def test_a_question_to_a_plain_handler_is_answered_none_when_done():
    async with open_supervisor("s") as s:
        counter = s.start_child(spec(Counter()))
        assert await counter.ask(Add(amount=3), deadline=soon()) is None
        assert await counter.ask(Total(), deadline=soon()) == 3


async def test_a_post_to_a_question_handler_is_a_question_nobody_waits_for():
    async with open_supervisor("s") as s:
        counter = s.start_child(spec(Counter()))
        counter.post(Total())
        assert await counter.ask(Total(), deadline=soon()) == 0


async def test_a_full_mailbox_refuses_at_the_sender():
    async with open_supervisor("s") as s:
        counter = s.start_child(spec(Counter(), capacity=2))
        counter.post(Add())
        counter.post(Add())
        with pytest.raises(MailboxFull) as caught:
            counter.post(Add())
        assert (caught.value.owner, caught.value.capacity) == ("it", 2)
        with pytest.raises(MailboxFull):
            counter.ask_nowait(Total())
        await trio.testing.wait_all_tasks_blocked()
        assert await counter.ask(Total(), deadline=soon()) == 2
        seen = counter.statistics()
        assert (seen.posted, seen.refused, seen.peak, seen.depth, seen.open_questions) == (3, 2, 2, 0, 0)


def test_a_class_with_faulty_handlers_cannot_be_made():
    with pytest.raises(HandlersInvalid) as caught:

        class Bad(Actor[Add | Total]):
            @handles(Add)
            def one(self, message: Add) -> Effects: ...
            @handles(Add)
            def two(self, message: Add) -> Effects: ...
            @handles(Crash)
            def three(self, message: Crash) -> Effects: ...

    assert caught.value.faults == (
        "Add is handled twice, by one and two",
        "Crash is handled but not in the message union",
        "Total has no handler",
    )


@attrs.define
class Changing:
    pass


@dataclasses.dataclass
class AlsoChanging:
    pass


def test_messages_that_can_be_changed_are_refused():
    with pytest.raises(HandlersInvalid) as caught:

        class Bad(Actor[Changing | AlsoChanging | dict[str, int] | Add]):
            async def turn(self, batch): ...

    assert caught.value.faults == (
        "Changing can be changed once it is sent: make it a frozen class",
        "AlsoChanging can be changed once it is sent: make it a frozen class",
        "dict can be changed once it is sent: make it a frozen class",
    )


def test_a_class_with_its_own_turn_needs_no_handlers():
    class Batched(Actor[Add | Total]):
        async def turn(self, batch): ...

    assert Batched.waits
    assert not Counter.waits


def test_a_union_of_strings_is_refused():
    with pytest.raises(HandlersInvalid, match="name classes"):

        class Bad(Actor["Add | Total"]):
            @handles(Add)
            def one(self, message: Add) -> Effects: ...


async def test_a_foreign_message_crashes_the_actor_that_gets_it():
    async with open_supervisor("s") as s:
        counter = s.start_child(spec(Counter()))
        with pytest.raises(ActorStopped) as caught:
            await counter.ask("what", deadline=soon())
        assert caught.value.reason.kind is StopKind.ERROR
        assert "no handler for str" in caught.value.reason.text
        assert ForeignMessage.__name__ in caught.value.reason.text


async def test_an_unanswered_question_expires_at_its_deadline(autojump_clock):
    class Silent(Actor[Add]):
        async def turn(self, batch):
            self.kept = batch

    silent = Silent()
    async with open_supervisor("s") as s:
        address = s.start_child(spec(silent))
        with pytest.raises(AskExpired) as caught:
            await address.ask(Add(), deadline=5.0)
        assert trio.current_time() == 5.0
        assert (caught.value.name, caught.value.question) == ("it", "Add")
        assert not silent.kept[0].answer("late")
        assert address.statistics().late == 1
        assert address.statistics().open_questions == 0


async def test_a_kept_question_is_refused_when_its_actor_stops():
    class Silent(Actor[Add]):
        async def turn(self, batch):
            self.kept = batch
            self.stop(StopReason.normal("it"))

    async with open_supervisor("s") as s:
        address = s.start_child(spec(Silent()))
        with pytest.raises(ActorStopped) as caught:
            await address.ask(Add(), deadline=math.inf)
        assert caught.value.reason == StopReason.normal("it")


async def test_an_actor_can_refuse_with_an_error():
    class No(Actor[Add]):
        async def turn(self, batch):
            for question in batch:
                assert question.refuse(KeyError("no"))
                assert not question.answer("too late")

    async with open_supervisor("s") as s:
        address = s.start_child(spec(No()))
        with pytest.raises(KeyError, match="no"):
            await address.ask(Add(), deadline=soon())
        assert address.statistics().late == 1


async def test_a_forwarded_question_is_answered_by_the_other_actor():
    class Front(Actor[Total]):
        def __init__(self, other):
            self.other = other

        @answers(Total)
        def pass_on(self, question: Question[Total]) -> Effects:
            self.other.forward(question)
            return ()

    async with open_supervisor("s") as s:
        counter = s.start_child(spec(Counter(7), "counter"))
        front = s.start_child(spec(Front(counter), "front"))
        assert await front.ask(Total(), deadline=soon()) == 7
        slot = front.ask_nowait(Total())
        await s.terminate_child("front")
        assert await slot.wait_until(soon()) == 7


async def test_a_forwarded_question_is_refused_when_the_other_actor_ends_without_an_answer():
    class Other(Actor[Total]):
        @answers(Total)
        def keep(self, question: Question[Total]) -> Effects:
            assert question.open
            return ()

    class Front(Actor[Total]):
        @answers(Total)
        def pass_on(self, question: Question[Total]) -> Effects:
            other.forward(question)
            return ()

    async with open_supervisor("s") as s:
        other = s.start_child(spec(Other(), "other"))
        front = s.start_child(spec(Front(), "front"))
        slot = front.ask_nowait(Total())
        await trio.testing.wait_all_tasks_blocked()
        await s.terminate_child("other", bye())
        with pytest.raises(ActorStopped, match="other"):
            await slot.wait_until(soon())


async def test_everything_accepted_before_an_orderly_stop_is_handled_after_stopping():
    log = []

    class Logger(Actor[Add]):
        async def turn(self, batch):
            log.extend(message.amount for message in batch)

        async def stopping(self, reason):
            log.append(reason.text)

    async with open_supervisor("s") as s:
        address = s.start_child(spec(Logger()))
        await trio.testing.wait_all_tasks_blocked()
        address.post(Add(amount=1))
        address.post(Add(amount=2))
        stopped = await s.terminate_child("it", bye("enough"))
        assert log == ["enough", 1, 2]
        assert stopped == Stopped(name="it", incarnation=1, reason=bye("enough"))
        with pytest.raises(ActorStopped):
            address.post(Add())


async def test_messages_lost_in_a_crash_are_counted():
    async with open_supervisor("s") as s:
        counter = s.start_child(spec(Counter()))
        counter.post(Crash())
        await trio.testing.wait_all_tasks_blocked()
        assert counter.stopped.unhandled == 0
        assert counter.stopped.reason == StopReason(kind=StopKind.ERROR, requester="it", text="ValueError: boom")


async def test_stop_if_idle_closes_only_an_empty_mailbox():
    outcomes = []

    class Idler(Actor[Add]):
        async def turn(self, batch):
            if batch[0].amount == 1:
                self.address.post(Add(amount=2))
            outcomes.append(self.stop_if_idle(StopReason.normal("it", "idle")))
            if outcomes[-1]:
                with pytest.raises(ActorStopped):
                    self.address.post(Add())

    async with open_supervisor("s") as s:
        address = s.start_child(spec(Idler()))
        address.post(Add())
        assert (await address.wait_stopped()).reason.text == "idle"
    assert outcomes == [False, True]


async def test_handlers_return_effects_which_are_performed_after_the_batch():
    reports = []

    class Relay(Actor[Add | Crash | Total | str]):
        def __init__(self, target):
            self.target = target

        @handles(Add)
        def relay(self, message: Add) -> Effects:
            return [Post(address=self.target, message=message)]

        @answers(Total)
        def tell(self, question: Question[Total]) -> Effects:
            return [Answer(question=question, value="told")]

        @handles(Crash)
        def begin(self, _: Crash) -> Effects:
            return [Begin(name="child", function=trio.sleep, args=(0,), report=lambda ended: f"{ended}")]

        @handles(str)
        def end(self, report: str) -> Effects:
            reports.append(report)
            return [End(reason=StopReason.normal("it"))]

    async with open_supervisor("s") as s:
        counter = s.start_child(spec(Counter(), "counter"))
        relay = s.start_child(spec(Relay(counter)))
        relay.post(Add(amount=5))
        assert await relay.ask(Total(), deadline=soon()) == "told"
        relay.post(Crash())
        assert (await relay.wait_stopped()).reason == StopReason.normal("it")
        assert await counter.ask(Total(), deadline=soon()) == 5
    assert reports == [f"{Returned(None)}"]


async def test_an_effect_that_the_actor_does_not_know_is_a_fault_of_it():
    class Odd(Actor[Add]):
        @handles(Add)
        def add(self, message: Add) -> Effects:
            return [message]

    async with open_supervisor("s") as s:
        odd = s.start_child(spec(Odd()))
        odd.post(Add())
        assert "override perform() to do it" in (await odd.wait_stopped()).reason.text


async def test_a_front_door_waits_for_room_and_no_longer_than_there_is_somebody_to_take(autojump_clock):
    class Slow(Actor[Add]):
        async def turn(self, _batch):
            await trio.sleep(1)

    async def knock(address):
        while True:
            try:
                address.post(Add())
            except MailboxFull:
                await address.wait_room()
            except ActorStopped:
                return
            else:
                let_in.append(trio.current_time() - began)

    let_in, began = [], trio.current_time()
    async with open_supervisor("s") as s, trio.open_nursery() as nursery:
        slow = s.start_child(spec(Slow(), capacity=1, stop_within=0))
        for _ in range(2):
            nursery.start_soon(knock, slow)
        await trio.sleep(2.5)
        await s.terminate_child("it", bye())
    assert let_in == [0, 0, 1, 2]


async def test_who_watches_all_children_is_told_of_those_that_did_not_simply_finish():
    """Of ten thousand that are done nobody wants to hear; of the one that failed somebody does."""
    told = []

    class Watcher(Actor[Stopped]):
        async def turn(self, batch):
            told.extend((stopped.name, stopped.incarnation, stopped.reason.kind) for stopped in batch)

    class Brief(Counter):
        async def started(self):
            self.stop_if_idle(StopReason.normal("brief", "done"))

    async with open_supervisor("s") as s:
        s.start_child(spec(Counter(), "before"))
        first, second = (s.start_child(spec(Watcher(), name)) for name in ("first", "second"))
        s.watch_children(first)
        s.watch_children(second)
        await s.terminate_child("first")
        s.start_child(spec(Brief(), "brief"))
        s.start_child(ChildSpec(id="failing", start=lambda _: 1 / 0, restart=Restart.TEMPORARY))
        await trio.testing.wait_all_tasks_blocked()
        await s.terminate_child("before")
        await trio.testing.wait_all_tasks_blocked()
    assert told == [
        ("first", 1, StopKind.SHUTDOWN),
        ("failing", 1, StopKind.ERROR),
        ("before", 1, StopKind.SHUTDOWN),
    ]


async def test_a_watcher_is_told_exactly_once_even_if_it_is_full_or_late():
    @attrs.frozen
    class Gone:
        stopped: Stopped

    seen = []

    class Watcher(Actor[Gone | Stopped | Add]):
        async def turn(self, batch):
            seen.extend(batch)

    async with open_supervisor("s") as s:
        watcher = s.start_child(spec(Watcher(), "watcher", capacity=1))
        one = s.start_child(spec(Counter(), "one"))
        one.watch(watcher)
        one.watch(watcher, Gone)
        await s.terminate_child("one", bye())
        await trio.testing.wait_all_tasks_blocked()
        stopped = Stopped(name="one", incarnation=1, reason=bye())
        assert seen == [Gone(stopped)]
        watcher.post(Add())
        one.watch(watcher)
        await trio.testing.wait_all_tasks_blocked()
        assert seen == [Gone(stopped), Add(), stopped]
        two = s.start_child(spec(Counter(), "two"))
        two.watch(watcher)
        assert two.unwatch(watcher)
        assert not two.unwatch(watcher)
        await s.terminate_child("two", bye())
    assert len(seen) == 3


async def test_the_answer_wins_over_a_deadline_in_the_same_tick(autojump_clock):
    class Slow(Actor[Add]):
        async def turn(self, batch):
            await trio.sleep_until(5.0)
            batch[0].answer("just in time")

    async with open_supervisor("s") as s:
        address = s.start_child(spec(Slow()))
        slot = address.ask_nowait(Add())
        await trio.testing.wait_all_tasks_blocked()
        assert await slot.wait_until(5.0) == "just in time"


async def test_a_cancelled_asker_gives_its_slot_up(autojump_clock):
    class Slow(Actor[Add]):
        async def turn(self, batch):
            await trio.sleep(5)
            assert not batch[0].answer("late")

    async with open_supervisor("s") as s:
        address = s.start_child(spec(Slow()))
        with trio.move_on_after(1) as scope:
            await address.ask(Add(), deadline=math.inf)
        assert scope.cancelled_caught
        await trio.sleep(10)
        assert address.statistics().late == 1
