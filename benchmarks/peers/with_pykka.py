"""W1-W4 with pykka: a thread an actor. It has no supervisor: an actor that fell starts another in its place."""

import logging
import threading
import time

import pykka
from common import Clock, main, measure_asks, resident_bytes


class Sum(pykka.ThreadingActor):
    def __init__(self):
        super().__init__()
        self.total = 0

    def on_receive(self, message):
        if message is None:
            return self.total
        self.total += message
        return message


def tell(messages):
    actor = Sum.start()
    clock = Clock()
    for _ in range(messages):
        actor.tell(1)
    assert actor.ask(None) == messages
    return {"us_per_message": clock() / messages * 1e6}


def ask(asks):
    actor = Sum.start()
    return measure_asks(lambda: actor.ask(1), asks)


def start_stop(actors):
    clock = Clock()
    started = [Sum.start() for _ in range(actors)]
    for actor in started:
        actor.stop(block=False)
    for actor in started:
        actor.stop()
    together = clock()
    clock = Clock()
    for _ in range(actors):
        Sum.start().stop()
    return {"us_per_actor": together / actors * 1e6, "seq_us_per_actor": clock() / actors * 1e6}


def restart(children):
    left, back = [children], threading.Event()

    class Brittle(pykka.ThreadingActor):
        def __init__(self, number, incarnation):
            super().__init__()
            self.number, self.incarnation = number, incarnation

        def on_start(self):
            actors[self.number] = self.actor_ref
            if self.incarnation == 2:
                left[0] -= 1
                if not left[0]:
                    back.set()

        def on_receive(self, message):
            raise ValueError(message)

        def on_failure(self, *_fault):
            Brittle.start(self.number, self.incarnation + 1)

    logging.disable(logging.CRITICAL)
    actors = {}
    for number in range(children):
        Brittle.start(number, 1)
    time.sleep(0.5)
    clock = Clock()
    for actor in list(actors.values()):
        actor.tell(1)
    back.wait()
    return {"us_per_restart": clock() / children * 1e6}


def idle(actors):
    before = resident_bytes()
    started = [Sum.start() for _ in range(actors)]
    time.sleep(0.1)
    return {"idle_bytes": (resident_bytes() - before) / len(started)}


if __name__ == "__main__":
    main(globals())
