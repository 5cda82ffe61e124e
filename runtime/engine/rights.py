"""Who may do what to a task: pure rules over names and groups (spec sections 7.3, 7.4 and 12.1).

`administrators` is None where nobody is told apart: in a program that runs its own tasks, every request is its own,
and all is allowed. A runtime that is served over a network is given a list, and then an empty username is nobody.
"""

from collections.abc import Iterable
from typing import Protocol

import attrs

from runtime.arguments import texts
from runtime.templates.model import Template


def _names(values: Iterable[str]) -> frozenset[str]:
    return frozenset(texts(values))


@attrs.frozen
class Identity:
    """Somebody who asks for something."""

    username: str = ""
    groups: frozenset[str] = attrs.field(default=frozenset(), converter=_names)

    def among(self, usernames: Iterable[str], groups: Iterable[str] = ()) -> bool:
        """Say whether one of these usernames or groups is theirs; nobody is among none."""
        return bool(self.username) and (self.username in usernames or not self.groups.isdisjoint(groups))


@attrs.frozen(kw_only=True)
class Administrators:
    """Who may do everything."""

    usernames: frozenset[str] = attrs.field(default=frozenset(), converter=_names)
    groups: frozenset[str] = attrs.field(default=frozenset(), converter=_names)


class Owned(Protocol):
    """What the rules ask about a task: who asked for it, watches it, and may resolve it."""

    @property
    def requester(self) -> str:
        """The username it was submitted by."""

    @property
    def resolver(self) -> str:
        """The username that set its execution up; empty before."""

    @property
    def resolver_usernames(self) -> tuple[str, ...]:
        """Who may resolve it, besides those whom its template names."""

    @property
    def resolver_groups(self) -> tuple[str, ...]:
        """The groups of such."""

    @property
    def watcher_usernames(self) -> tuple[str, ...]:
        """Who may look at it."""

    @property
    def watcher_groups(self) -> tuple[str, ...]:
        """The groups of such."""


def is_administrator(who: Identity, administrators: Administrators | None) -> bool:
    """Say whether somebody may do everything."""
    return administrators is None or who.among(administrators.usernames, administrators.groups)


def is_requester(who: Identity, task: Owned) -> bool:
    """Say whether it is their own task."""
    return who.among([task.requester])


def is_watcher(who: Identity, task: Owned) -> bool:
    """Say whether they were named to look at the task."""
    return who.among(task.watcher_usernames, task.watcher_groups)


def is_template_owner(who: Identity, template: Template) -> bool:
    """Say whether the template names them as a resolver of all its tasks."""
    return who.among(template.allowed_resolver_usernames, template.allowed_resolver_groups)


def is_resolution_manager(who: Identity, template: Template, task: Owned) -> bool:
    """Say whether they may run the task: owners of its template, those whom it names, and who resolved it."""
    return (
        is_template_owner(who, template)
        or who.among(task.resolver_usernames, task.resolver_groups)
        or who.among([task.resolver])
    )


def may_look(who: Identity, template: Template, task: Owned, administrators: Administrators | None) -> bool:
    """Say whether they may read the task (section 11.2)."""
    return (
        is_administrator(who, administrators)
        or is_requester(who, task)
        or is_watcher(who, task)
        or is_resolution_manager(who, template, task)
    )


def may_resolve(who: Identity, template: Template, task: Owned, administrators: Administrators | None) -> bool:
    """Say whether they may set up, run, pause, extend and cancel the execution of the task (section 11.2)."""
    return is_administrator(who, administrators) or is_resolution_manager(who, template, task)


def may_name_resolvers(who: Identity, template: Template, administrators: Administrators | None) -> bool:
    """Say whether a task of theirs may name its own resolvers; any requester could grant himself the right otherwise."""
    return is_administrator(who, administrators) or is_template_owner(who, template)


def may_start_over(who: Identity, template: Template, task: Owned, administrators: Administrators | None) -> bool:
    """Say whether they may throw an execution away for a new one (section 7.4)."""
    return is_administrator(who, administrators) or (
        template.allow_task_start_over and is_resolution_manager(who, template, task)
    )


def starts_by_itself(who: Identity, template: Template, task: Owned, administrators: Administrators | None) -> bool:
    """Say whether a task that they submit is resolved at once, in their name (section 7.3).

    The template has to allow it, nothing may be left for a resolver to say, and the requester has to be a resolver:
    named as one, an administrator, or anybody where the template lets anybody.
    """
    if not template.auto_runnable or template.resolver_inputs:
        return False
    anybody = template.allow_all_resolver_usernames and is_requester(who, task)
    return anybody or may_resolve(who, template, task, administrators)
