"""Who may do what (spec sections 7.3, 7.4 and 12.1)."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.engine.rights import (
    Administrators,
    Identity,
    is_requester,
    is_resolution_manager,
    is_watcher,
    may_look,
    may_name_resolvers,
    may_resolve,
    may_start_over,
    starts_by_itself,
)
from runtime.engine.task import Header
from runtime.templates.model import Input, Template

ADMINS = Administrators(usernames=["root"], groups=["admins"])
NOBODY = Identity()
TEMPLATE = Template(name="test", allowed_resolver_usernames=["owner"], allowed_resolver_groups=["owners"])
TASK = Header(
    task_id="t",
    title="",
    inputs={},
    requester="ann",
    submitted_at=0,
    resolution_id="r",
    resolver="ray",
    resolver_usernames=("rob",),
    resolver_groups=("resolvers",),
    watcher_usernames=("wendy",),
    watcher_groups=("watchers",),
)


@pytest.mark.parametrize(
    ("who", "look", "resolve"),
    [
        (Identity("root"), True, True),
        (Identity("x", ["admins"]), True, True),
        (Identity("owner"), True, True),
        (Identity("x", ["owners"]), True, True),
        (Identity("rob"), True, True),
        (Identity("x", ["resolvers"]), True, True),
        (Identity("ray"), True, True),
        (Identity("ann"), True, False),
        (Identity("wendy"), True, False),
        (Identity("x", ["watchers"]), True, False),
        (Identity("x", ["others"]), False, False),
        (NOBODY, False, False),
    ],
)
def test_who_may_look_at_a_task_and_who_may_resolve_it(who, look, resolve):
    assert may_look(who, TEMPLATE, TASK, ADMINS) is look
    assert may_resolve(who, TEMPLATE, TASK, ADMINS) is resolve
    assert may_look(who, TEMPLATE, TASK, None)  # where nobody is told apart


def test_an_empty_name_is_nobody_even_where_the_task_has_none():
    """Q80: a request without a name saw everything."""
    nameless = attrs.evolve(TASK, requester="", resolver="", watcher_usernames=("",), resolver_usernames=("",))
    assert not is_requester(NOBODY, nameless)
    assert not is_watcher(NOBODY, nameless)
    assert not is_resolution_manager(NOBODY, TEMPLATE, nameless)
    assert not is_requester(Identity("", ["x"]), nameless)


def test_only_owners_and_administrators_may_name_the_resolvers_of_a_task():
    for who in ("root", "owner"):
        assert may_name_resolvers(Identity(who), TEMPLATE, ADMINS)
    for who in ("rob", "ray", "ann"):
        assert not may_name_resolvers(Identity(who), TEMPLATE, ADMINS)


def test_who_may_start_over():
    lenient = attrs.evolve(TEMPLATE, allow_task_start_over=True)
    assert may_start_over(Identity("root"), TEMPLATE, TASK, ADMINS)
    assert not may_start_over(Identity("rob"), TEMPLATE, TASK, ADMINS)
    assert may_start_over(Identity("rob"), lenient, TASK, ADMINS)
    assert not may_start_over(Identity("ann"), lenient, TASK, ADMINS)


@pytest.mark.parametrize(
    ("fields", "who", "starts"),
    [
        ({}, "root", False),
        ({"auto_runnable": True}, "root", True),
        ({"auto_runnable": True}, "owner", True),
        ({"auto_runnable": True}, "rob", True),
        ({"auto_runnable": True}, "ann", False),
        ({"auto_runnable": True, "allow_all_resolver_usernames": True}, "ann", True),
        ({"auto_runnable": True, "allow_all_resolver_usernames": True}, "", False),
        ({"auto_runnable": True, "resolver_inputs": [Input(name="x")]}, "root", False),
    ],
)
def test_which_tasks_start_by_themselves(fields, who, starts):
    template, task = attrs.evolve(TEMPLATE, **fields), attrs.evolve(TASK, requester=who)
    assert starts_by_itself(Identity(who), template, task, ADMINS) is starts


NAMES = st.sampled_from(["", "ann", "bob", "owner", "root", "rob", "wendy", "x"])


@given(NAMES, st.lists(st.sampled_from(["admins", "owners", "resolvers", "watchers", "x"])), st.booleans())
def test_who_may_do_more_may_do_less(name, groups, lenient):
    who, template = Identity(name, groups), attrs.evolve(TEMPLATE, allow_task_start_over=lenient)
    if may_start_over(who, template, TASK, ADMINS) or may_name_resolvers(who, template, ADMINS):
        assert may_resolve(who, template, TASK, ADMINS)
    if may_resolve(who, template, TASK, ADMINS):
        assert may_look(who, template, TASK, ADMINS)
