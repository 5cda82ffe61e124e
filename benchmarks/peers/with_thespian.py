"""W1-W3 with thespian, all actors in one process and thread (its "simple" base, the quickest)."""

from common import Clock, main, measure_asks
from thespian.actors import Actor, ActorExitRequest, ActorSystem


class Sum(Actor):
    total = 0

    def receiveMessage(self, message, sender):
        if isinstance(message, ActorExitRequest):
            return
        if message == "total":
            self.send(sender, self.total)
        elif isinstance(message, str):
            self.send(sender, message)
        else:
            self.total += message


def tell(messages):
    system = ActorSystem("simpleSystemBase")
    actor = system.createActor(Sum)
    clock = Clock()
    for _ in range(messages):
        system.tell(actor, 1)
    assert system.ask(actor, "total", 60) == messages
    return {"us_per_message": clock() / messages * 1e6}


def ask(asks):
    system = ActorSystem("simpleSystemBase")
    actor = system.createActor(Sum)
    return measure_asks(lambda: system.ask(actor, "?", 60), asks)


def start_stop(actors):
    system = ActorSystem("simpleSystemBase")
    clock = Clock()
    started = [system.createActor(Sum) for _ in range(actors)]
    for actor in started:
        system.tell(actor, ActorExitRequest())
    together = clock()
    clock = Clock()
    for _ in range(actors):
        system.tell(system.createActor(Sum), ActorExitRequest())
    return {"us_per_actor": together / actors * 1e6, "seq_us_per_actor": clock() / actors * 1e6}


if __name__ == "__main__":
    main(globals())
