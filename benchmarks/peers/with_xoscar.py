"""W1-W3 with xoscar: actors of one pool, on asyncio. A tell is a send that is not waited for."""

import asyncio
import time

import xoscar
from common import Clock, main, round_trips, warm_up


class Sum(xoscar.Actor):
    def __init__(self):
        self.number = 0

    def add(self, number):
        self.number += number

    def echo(self, what):
        return what

    def total(self):
        return self.number


def run(body):
    async def within():
        pool = await xoscar.create_actor_pool("test://127.0.0.1:0", n_process=0)
        async with pool:
            return await body(pool.external_address)

    return asyncio.run(within())


def tell(messages):
    async def body(address):
        actor = await xoscar.create_actor(Sum, address=address, uid="sum")
        clock = Clock()
        for _ in range(messages):
            await actor.add.tell(1)
        while await actor.total() < messages:
            await asyncio.sleep(0)
        return {"us_per_message": clock() / messages * 1e6}

    return run(body)


def ask(asks):
    async def body(address):
        actor = await xoscar.create_actor(Sum, address=address, uid="sum")
        times = []
        for _ in range(warm_up(asks) + asks):
            began = time.perf_counter()
            await actor.echo("?")
            times.append(time.perf_counter() - began)
        return round_trips(times[warm_up(asks) :])

    return run(body)


def start_stop(actors):
    async def body(address):
        clock = Clock()
        started = [await xoscar.create_actor(Sum, address=address, uid=str(number)) for number in range(actors)]
        for actor in started:
            await xoscar.destroy_actor(actor)
        together = clock()
        clock = Clock()
        for number in range(actors):
            await xoscar.destroy_actor(await xoscar.create_actor(Sum, address=address, uid=str(number)))
        return {"us_per_actor": together / actors * 1e6, "seq_us_per_actor": clock() / actors * 1e6}

    return run(body)


if __name__ == "__main__":
    main(globals())
