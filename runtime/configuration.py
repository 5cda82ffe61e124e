"""A runner's configuration: what a template writes laid over its base, as a value of the runner's attrs class.

Every fault is found at once, each with its path in the configuration (``auth.basic.user``). What each type of field
takes is in `runtime.structuring`.
"""

from collections.abc import Mapping
from typing import Any, Final, Generic, TypeVar

import attrs

from runtime.errors import Fault, Invalid
from runtime.structuring import Place, Report, Templated, reader
from runtime.values.json import Json, NotJson, loads, normalise

__all__ = (
    "HOST_ITEM",
    "Checked",
    "ConfigurationInvalid",
    "Templated",
    "check_configuration",
    "host_settings",
    "overlay",
    "structure",
)

C = TypeVar("C")

HOST_ITEM: Final = "utask-cfg"
"""The configuration item that says how the host itself is set up (section 13.2), as JSON."""


class ConfigurationInvalid(Invalid):
    """A rendered configuration does not fit its runner."""

    subject = "configuration"


@attrs.frozen(kw_only=True)
class Checked(Generic[C]):
    """What a static check found: `config` where the structure is sound; faults; keys that nobody reads.

    `remains` is what could be read where it is not: what is at fault in it is `Templated`, for nobody knows what it is.
    """

    config: C | None = None
    remains: C | None = None
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


def overlay(base: Json, over: Json) -> Json:
    """Lay one JSON value over another (section 5.4): maps merge by key at every depth, anything else replaces; null does not."""
    if over is None:
        return base
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return over
    laid = {key: overlay(base[key], value) if key in base else value for key, value in over.items()}
    return {**base, **laid}


def check_configuration(
    config: type[C], configuration: Json, base: Json = None, *, templated: bool = True
) -> Checked[C]:
    """Check a configuration in which texts may still hold ``{{``, unless `templated` is false. Never raises."""
    report = Report(checking=templated)
    built = _read(config, configuration, base, report)
    sound = not report.faults
    return Checked(
        config=built if sound else None,
        remains=None if sound else built,
        faults=tuple(report.faults),
        warnings=tuple(report.warnings),
    )


def structure(config: type[C], configuration: Json, base: Json = None) -> C:
    """Build `config` from rendered JSON, `configuration` laid over `base`.

    Raises:
        ConfigurationInvalid: with every fault and its path.
    """
    report = Report(checking=False)
    built = _read(config, configuration, base, report)
    if built is None or report.faults:
        raise ConfigurationInvalid(report.faults)
    return built


def host_settings(config: type[C], items: Mapping[str, str]) -> C:
    """Build `config` from the members of the item ``utask-cfg`` that are its fields; without that item, of defaults.

    Raises:
        ConfigurationInvalid: the item is no JSON object, or with every fault and its path.
    """
    try:
        item = loads(items.get(HOST_ITEM, "{}"))
    except ValueError as fault:
        raise ConfigurationInvalid([Fault(HOST_ITEM, f"is not JSON: {fault}")]) from None
    if not isinstance(item, Mapping):
        raise ConfigurationInvalid([Fault(HOST_ITEM, "must be a JSON object")])
    of_config: Any = config
    return structure(config, {one.name: item[one.name] for one in attrs.fields(of_config) if one.name in item})


def _read(config: type[C], configuration: Json, base: Json, report: Report) -> C | None:
    """Build `config`; what comes back means nothing when faults were reported."""
    try:
        value = overlay(normalise(base), normalise(configuration))
    except NotJson as fault:
        report.faults.append(Fault(fault.path.removeprefix("."), fault.problem))
        return None
    type_: Any = config
    built: C | None = reader(type_)(Place({} if value is None else value, "", report))
    return built
