"""Policies as a file.

Like this one::

    policies:
      - id: no-deletes
        rule: plan.changes.all(change, !("delete" in change.actions))
        message: nothing may be deleted
      - id: known-actions
        schema: {properties: {changes: {...}}}
        severity: warn
        scope: {target_types: [database]}
"""

import os
from pathlib import Path

import attrs

from runtime.configuration import check_configuration
from runtime.errors import Fault
from runtime.policies.cel import CelPolicy
from runtime.policies.schema import PolicyInvalid, SchemaPolicy
from runtime.templates.files import Unreadable, read_text
from runtime.templates.yaml import parse_yaml


@attrs.frozen(kw_only=True)
class PolicyFile:
    """What such a file holds."""

    policies: tuple[CelPolicy | SchemaPolicy, ...] = ()


def load_policies(source: str | os.PathLike[str]) -> tuple[CelPolicy | SchemaPolicy, ...]:
    """Read a file of policies. Blocks.

    Raises:
        PolicyInvalid: with every fault and its path; a key that nobody reads is one.
    """
    path = Path(source)
    try:
        data = parse_yaml(read_text(path)).data
    except (Unreadable, ValueError) as fault:
        raise PolicyInvalid([Fault("", str(fault))], str(path)) from fault
    checked = check_configuration(PolicyFile, data)
    faults = (*checked.faults, *checked.warnings)
    if checked.config is None or faults:
        raise PolicyInvalid(faults or [Fault("", "policies are a mapping")], str(path))
    return checked.config.policies
