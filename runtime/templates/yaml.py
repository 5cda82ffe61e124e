"""YAML text as JSON data: safely, within bounds, and with the line of every part.

The dialect is the one that µTask's templates were written in (Go's yaml.v2, turned into JSON), with its traps refused
instead of sprung:

* Every tab becomes two spaces before anything is read.
* ``yes no on off y n true false`` in lower case, capitalised or upper case (``yes``, ``Yes``, ``YES``) are booleans;
  ``~ null Null NULL`` and nothing at all are null. Such a word used as a key reads as ``true`` or ``false``, with a
  warning.
* A plain scalar that is a JSON number keeps its literal. ``1_000`` is 1000, ``0x1F`` 31, ``0b11`` 3, ``0777`` and
  ``0o777`` 511; ``+1``, ``08``, ``.5`` and ``1.`` are the numbers they look like. ``1:30`` and timestamps are text.
  ``.inf`` and ``.nan`` are refused: JSON has neither.
* Keys become text: ``404:`` is ``"404"``. A list, an object or null as a key is refused.
* ``<<`` merges one mapping or a list of them; keys written out win, and earlier mappings win over later ones.
* Anchors and aliases work. One that leads back into itself is refused, and so is a document that aliases make ten
  times as large as it was written, once that is large.
* A key given twice (the last won in µTask), a second document (it was ignored) and an unknown tag (it was ignored)
  are refused.
"""

from collections.abc import Callable, Container
from pathlib import Path
from typing import Any, Final

import attrs
import yaml

from runtime.errors import Fault
from runtime.templates.faults import Places
from runtime.templates.files import LARGEST_FILE, Unreadable, read_text
from runtime.templates.paths import item, member, shown
from runtime.templates.scalars import SCALAR_TAGS, TAG, resolve, tagged
from runtime.values.json import Json, dumps

_DEEPEST = 100
_MOST_NODES = 500_000
_FREE_EXPANSION = 100_000
_HIGHEST_RATIO = 10
_TOO_DEEP: Final = f"nested too deeply: at most {_DEEPEST} levels are read"
_LIBYAML_TOO_DEEP: Final = "exceeded maximum nesting depth"
_LONGEST_PATH = 200
_TEXT_PER_NODE = 64  # a long text weighs as much as the nodes that its bytes could have been

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, ten times as fast, where the wheel has it


class YamlInvalid(ValueError):
    """A text cannot be read as YAML. `path` and `line` lead to the fault, where it has a place."""

    def __init__(self, problem: str, path: str = "", line: int | None = None, column: int | None = None) -> None:
        self.problem = problem
        self.path = path
        self.line = line
        self.column = column
        super().__init__(str(self.fault))

    @property
    def fault(self) -> Fault:
        """Give the fault, its line and column in its hint."""
        where = "" if self.line is None else f"line {self.line}"
        return Fault(self.path, self.problem, f"{where}, column {self.column}" if self.column is not None else where)


@attrs.frozen(kw_only=True, eq=False)
class YamlDocument:
    """The data of one document, where its parts stand, and what its author may not have meant.

    Containers that aliases share are shared in `data` too: treat it as immutable.
    """

    data: Json
    places: Places
    warnings: tuple[Fault, ...] = ()


def read_yaml(path: Path) -> YamlDocument:
    """Read one file.

    Raises:
        YamlInvalid: the file cannot be read (`runtime.templates.files` says when), or `parse_yaml` refuses it.
    """
    try:
        return parse_yaml(read_text(path))
    except Unreadable as fault:
        raise YamlInvalid(str(fault), line=fault.line) from None


def parse_yaml(text: str) -> YamlDocument:
    """Turn the text of one document into JSON data.

    Takes time in proportion to the text, and memory in proportion to what it expands to, which is bounded.

    Raises:
        YamlInvalid: it is not YAML, or not JSON data, or larger or deeper than is allowed.
    """
    if len(text) > LARGEST_FILE:
        raise YamlInvalid(f"the document is too large: it may have at most {LARGEST_FILE >> 20} MiB")
    builder = _Builder()
    text = text.replace("\t", "  ")
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as fault:
        raise _syntax(fault) from None
    except yaml.reader.ReaderError as fault:
        raise YamlInvalid(f"not YAML: {fault.reason}", line=_line_of(fault, text)) from None
    except UnicodeEncodeError:
        raise YamlInvalid("the text holds half of a surrogate pair, which is not a character") from None
    return builder.document()


def _line_of(fault: yaml.reader.ReaderError, text: str) -> int:
    read = text.encode()[: fault.position] if _LOADER is not yaml.SafeLoader else text[: fault.position].encode()
    return read.count(b"\n") + 1


def _syntax(fault: yaml.MarkedYAMLError) -> YamlInvalid:
    mark = fault.problem_mark or fault.context_mark
    problem = ", ".join(filter(None, (fault.context, fault.problem)))
    if fault.problem == _LIBYAML_TOO_DEEP:  # it reads ahead, and meets its own limit before the builder meets ours
        return YamlInvalid(_TOO_DEEP, line=None if mark is None else mark.line + 1)
    if mark is None:
        return YamlInvalid(f"not YAML: {problem}")
    return YamlInvalid(f"not YAML: {problem}", line=mark.line + 1, column=mark.column + 1)


_MERGE: Final = "<<"


class _Sequence:
    """A list that is being read."""

    def __init__(self, anchor: str | None, line: int) -> None:
        self.anchor = anchor
        self.line = line
        self.weight = 1
        self.height = 1
        self.value: list[Json] = []
        self.lines: list[int] = []

    def lead(self, path: str) -> str:
        return item(path, len(self.value))

    def add(self, value: Json, line: int) -> None:
        self.value.append(value)
        self.lines.append(line)


class _Mapping:
    """A mapping that is being read: `key` is the one that waits for its value, unless that is the merge key."""

    def __init__(self, anchor: str | None, line: int) -> None:
        self.anchor = anchor
        self.line = line
        self.weight = 1
        self.height = 1
        self.value: dict[str, Json] = {}
        self.lines: dict[str, int] = {}
        self.key: str | None = None
        self.merging = False
        self.merges: list[Json] = []

    @property
    def wants_key(self) -> bool:
        return self.key is None and not self.merging

    def lead(self, path: str) -> str:
        return path if self.key is None else member(path, self.key)

    def add(self, value: Json, _: int) -> None:
        if self.key is not None:
            self.value[self.key] = value
        else:
            self.merges.append(value)
        self.key = None
        self.merging = False


_Container = _Sequence | _Mapping


class _Builder:
    """Builds data from parser events with a stack of its own, so that no document can exhaust Python's."""

    def __init__(self) -> None:
        self._stack: list[_Container] = []
        self._anchors: dict[str, tuple[Json, int, int]] = {}
        self._open: set[str] = set()
        self._marks: dict[int, dict[str, int] | list[int]] = {}
        self._warnings: list[Fault] = []
        self._root: Json = None
        self._documents = 0
        self._nodes = 0
        self._aliased = 0
        self._line = 0
        self._column = 0
        self._takers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.MappingStartEvent: self._start_mapping,
            yaml.SequenceStartEvent: self._start_sequence,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.DocumentStartEvent: self._start_document,
        }

    def take(self, event: Any) -> None:
        taker = self._takers.get(type(event))
        if taker is not None:
            mark = event.start_mark
            self._line, self._column = mark.line + 1, mark.column + 1
            taker(event)

    def document(self) -> YamlDocument:
        if not self._documents:
            raise YamlInvalid("the document is empty")
        places = Places(self._root, self._marks)
        return YamlDocument(data=self._root, places=places, warnings=tuple(self._warnings))

    def _refuse(self, problem: str) -> YamlInvalid:
        return YamlInvalid(problem, self._path(), self._line, self._column)

    def _path(self) -> str:
        path = ""
        for container in self._stack:
            path = container.lead(path)
        return path if len(path) <= _LONGEST_PATH else f"{path[:_LONGEST_PATH]}…"

    def _start_document(self, _: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            raise self._refuse("there is more than one document in the file")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        text: str = event.value
        text.encode()  # the reader in Python lets half of a surrogate pair through
        plain = event.tag is None and event.implicit[0]
        top = self._stack[-1] if self._stack else None
        weight = 1 + len(text) // _TEXT_PER_NODE
        self._nodes += weight
        if isinstance(top, _Mapping) and top.wants_key and text == _MERGE and (plain or event.tag == f"{TAG}merge"):
            top.merging = True
            return
        value = self._value(event.tag, text, plain=plain)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, weight, 0)
        self._put(value, weight, 0)

    def _value(self, tag: str | None, text: str, *, plain: bool) -> Json:
        try:
            if plain:
                return resolve(text)
            if tag is None or tag == "!":
                return text
            return tagged(self._known(tag, SCALAR_TAGS), text)
        except YamlInvalid:
            raise
        except ValueError as fault:
            raise self._refuse(str(fault)) from None

    def _known(self, tag: str, known: Container[str]) -> str:
        short = tag.removeprefix(TAG)
        if short == tag or short not in known:
            raise self._refuse(f"unknown tag {shown(tag)}")
        return short

    def _alias(self, event: yaml.AliasEvent) -> None:
        name = event.anchor or ""
        if name in self._open:
            raise self._refuse(f"the alias *{name} leads back to itself")
        if name not in self._anchors:
            raise self._refuse(f"there is no anchor for the alias *{name}")
        value, weight, height = self._anchors[name]
        self._nodes += weight
        self._aliased += weight
        written = self._nodes - self._aliased
        if self._aliased > _FREE_EXPANSION and self._aliased > _HIGHEST_RATIO * written:
            raise self._refuse("the aliases make the document far larger than it was written")
        self._put(value, weight, height)

    def _start_mapping(self, event: yaml.MappingStartEvent) -> None:
        self._start(event.tag, "map")
        self._push(_Mapping(event.anchor, self._line))

    def _start_sequence(self, event: yaml.SequenceStartEvent) -> None:
        self._start(event.tag, "seq")
        self._push(_Sequence(event.anchor, self._line))

    def _start(self, tag: str | None, kind: str) -> None:
        top = self._stack[-1] if self._stack else None
        if isinstance(top, _Mapping) and top.wants_key:
            raise self._refuse("a key cannot be a list or an object")
        if tag is not None and tag != "!":
            self._known(tag, {kind})

    def _push(self, container: _Container) -> None:
        if len(self._stack) >= _DEEPEST:
            raise self._refuse(_TOO_DEEP)
        self._nodes += 1
        if container.anchor is not None:
            self._anchors.pop(container.anchor, None)
            self._open.add(container.anchor)
        self._stack.append(container)

    def _end(self, _: yaml.Event) -> None:
        container = self._stack.pop()
        self._line = container.line
        if isinstance(container, _Mapping):
            self._merge(container)
        self._marks[id(container.value)] = container.lines
        if container.anchor is not None:
            self._open.discard(container.anchor)
            self._anchors[container.anchor] = (container.value, container.weight, container.height)
        self._put(container.value, container.weight, container.height)

    def _put(self, value: Json, weight: int, height: int) -> None:
        """Add a complete node to the container that is being read."""
        if self._nodes > _MOST_NODES:
            raise self._refuse(f"the document is too large: it may have at most {_MOST_NODES:,} values")
        if not self._stack:
            self._root = value
            return
        top = self._stack[-1]
        if len(self._stack) + height > _DEEPEST:
            raise self._refuse(_TOO_DEEP)
        top.weight += weight
        top.height = max(top.height, height + 1)
        if isinstance(top, _Mapping) and top.wants_key:
            self._put_key(top, value)
        else:
            top.add(value, self._line)

    def _put_key(self, mapping: _Mapping, value: Json) -> None:
        match value:
            case str():
                key = value
            case bool():
                key = "true" if value else "false"
                message = f'this key reads as "{key}"; quote it if it is a word'
                self._warnings.append(Fault(member(self._path(), key), message))
            case int() | float():
                key = dumps(value)
            case _:
                raise self._refuse("a key cannot be null, a list or an object")
        first = mapping.lines.setdefault(key, self._line)
        if key in mapping.value:
            mapping.key = key
            raise self._refuse(f"the key {shown(key)} is given twice, on lines {first} and {self._line}")
        mapping.key = key

    def _merge(self, mapping: _Mapping) -> None:
        """Take in what merge keys name. The cost is bounded by the weight that each of them has added."""
        for merged in mapping.merges:
            for source in merged if isinstance(merged, list) else [merged]:
                if not isinstance(source, dict):
                    raise self._refuse("<< takes a mapping or a list of mappings")
                lines = self._marks[id(source)]
                for key, value in source.items():
                    if key not in mapping.value:
                        mapping.value[key] = value
                        mapping.lines[key] = lines[key]
