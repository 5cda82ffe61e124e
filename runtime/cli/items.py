"""The host's configuration items, as ``--config`` names them (spec section 13.1)."""

import os
from collections.abc import Mapping
from pathlib import Path

from runtime.configuration import ConfigurationInvalid
from runtime.errors import Fault
from runtime.runner import loads_yaml
from runtime.values.json import Json, dumps

_LARGEST = 1024 * 1024
_ENVIRONMENT = "env:"


def read_items(path: Path | None) -> Mapping[str, str]:
    """Give the items of a folder, a file for each by its name; or of one YAML or JSON file, an object by their names.

    ``env:CFG`` is neither: it stands for the variables ``CFG_*``, where ``CFG_UTASK_CFG`` is the item ``utask-cfg``.

    Items are texts; what else an object holds is given as the JSON of it. Hidden files are left out, and so are the
    new lines that end a file.

    Raises:
        ConfigurationInvalid: with every fault and its path.
    """
    if path is None:
        return {}
    if str(path).startswith(_ENVIRONMENT):
        return _variables(str(path).removeprefix(_ENVIRONMENT))
    try:
        if path.is_dir():
            found = (one for one in sorted(path.iterdir()) if one.is_file() and not one.name.startswith("."))
            return {one.name: _text(one, path).rstrip("\r\n") for one in found}
        return _object(path)
    except OSError as fault:
        where = Path(fault.filename).name if fault.filename and os.path.isdir(path) else ""  # noqa: PTH112 - it never fails
        raise ConfigurationInvalid([Fault(where, fault.strerror or "it cannot be read")], str(path)) from None


def _variables(prefix: str) -> Mapping[str, str]:
    """Take the items out of the environment, which processes of steps inherit."""
    start = f"{prefix}_"
    names = [name for name in os.environ if name.startswith(start)]
    if not names:
        raise ConfigurationInvalid([Fault("", f"there are no variables {start}*")], f"{_ENVIRONMENT}{prefix}")
    return {name.removeprefix(start).lower().replace("_", "-"): os.environ.pop(name) for name in names}


def _text(path: Path, root: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    try:
        if len(data) <= _LARGEST:
            return data.decode()
        problem = "is larger than 1 MiB"
    except UnicodeDecodeError:
        problem = "is not text"
    raise ConfigurationInvalid([Fault("" if path == root else path.name, problem)], str(root))


def _object(path: Path) -> Mapping[str, str]:
    try:
        items: Json = loads_yaml(_text(path, path))
    except ValueError:
        items = None  # what is in it may be secret: no word of it
    if not isinstance(items, Mapping):
        raise ConfigurationInvalid([Fault("", "is not an object of items, in YAML or JSON")], str(path))
    return {name: item if isinstance(item, str) else dumps(item) for name, item in items.items()}
