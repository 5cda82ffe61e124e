"""Functions that tests call in processes of their own."""

import os
import time
from pathlib import Path

import trio

from runtime.runner import ClientError, NotAssigned, Outcome


def add(a, b=1):
    return a + b


async def nap(seconds):
    await trio.sleep(seconds)
    return {"slept": seconds}


def describe(text):
    print("printed", text)  # noqa: T201 - what it prints is looked at
    return Outcome(output={"text": text}, metadata={"m": 1}, tags={"t": "v"})


def environment(name):
    return os.environ.get(name)


def refuse(kind):
    if kind == "client":
        raise ClientError("no", output={"o": 1}, metadata={"m": 2})
    if kind == "waiting":
        raise NotAssigned("not yet")
    raise ArithmeticError("two and two")


def odd():
    return {"not": {1, 2}}


def odder():
    raise ClientError("no", output={1, 2})


def large(size):
    return "x" * size


def hungry(size):
    return len(bytearray(size))


def vanish(code):
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)


def hang(signpost):
    with Path(signpost).open("w") as post:
        post.write(f"{os.getpid()}\n")
    time.sleep(1000)  # deaf to everything but a signal


class Holder:
    @staticmethod
    def inner():
        return "found"
