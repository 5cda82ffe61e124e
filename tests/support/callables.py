"""Functions that tests call in processes of their own."""

import os
import subprocess
import sys
import threading
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


def leave(code):
    sys.exit(code)


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


_calls = 0


def count_calls():
    global _calls
    _calls += 1
    return {"pid": os.getpid(), "calls": _calls}


def shout(text):
    print(text)  # noqa: T201 - what it prints is looked at
    subprocess.run(["/bin/echo", "-n", text], check=True)


def leave_behind(what, signpost):
    """Leave something running; give the processes that must not outlive the call."""
    if what == "thread":
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        return [os.getpid()]
    script = f"sleep 1000 & echo $! > {signpost}"
    if what == "child":
        return [os.getpid(), subprocess.Popen(["/bin/sleep", "1000"]).pid]
    subprocess.run(["/bin/sh", "-c", script], check=True)
    with Path(signpost).open() as post:
        return [os.getpid(), int(post.readline())]


def look_around():
    return {"pid": os.getpid(), "folder": str(Path.cwd()), "x": os.environ.get("REARRANGED"), "path": sys.path[:1]}


def rearrange():
    os.chdir("/")
    os.environ["REARRANGED"] = "yes"
    sys.path.insert(0, "/nowhere")
    sys.stdout = None
    os.close(1)
    return os.getpid()


def vanish_the_first_time(trace):
    """Leave a trace, and kill the process the first time; give how often it was called."""
    with Path(trace).open("a") as file:
        file.write("begun\n")
    times = Path(trace).read_text().count("begun")
    if times == 1:
        os.kill(os.getpid(), 9)
    return times
