"""The table of what is said where, in ``help(runtime.cli)``, is what there is."""

import re

import runtime.cli
from runtime.api.codec import REQUESTS
from runtime.api.flow_commands import AboutFlows
from runtime.api.schema import tag_of
from runtime.cli.commands import cli
from runtime.server.routes import ROUTES

_RULE = re.compile(r"^=+  =+  =+$")


def rows():
    lines = (runtime.cli.__doc__ or "").splitlines()
    _top, head, end = (number for number, line in enumerate(lines) if _RULE.match(line))
    return [re.split(r"\s{2,}", line) for line in lines[head + 1 : end]]


def test_its_messages_commands_and_routes_are_there():
    routes = {(f"{one.method} {one.path}", tag_of(one.message)) for one in ROUTES}
    for messages, command, http in rows():
        tags = messages.split(", ")
        for tag in tags:
            assert tag in REQUESTS.classes
        group, _, names = command.rpartition("flow ")
        known = cli.commands["flow"].commands if group or command.startswith("flow ") else cli.commands
        for name in (names or command).split(" --")[0].split(", "):
            assert name in known, command
        for number, path in enumerate(http.split(", ")):
            whole = path if " " in path else f"{http.split(', ')[0].rpartition('/')[0]}/{path}"
            assert (whole, tags[min(number, len(tags) - 1)]) in routes, path


def test_every_message_about_flows_is_in_it():
    said = {tag for messages, _, _ in rows() for tag in messages.split(", ")}
    about_flows = {tag for tag, cls in REQUESTS.classes.items() if issubclass(cls, AboutFlows)}
    assert about_flows - said == {"list_flow_types"}, "a store knows no types"
