"""Semantic versions and constraints on them, by the rules of the library behind Sprig."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from runtime.values.gotemplate.errors import FunctionError
from runtime.values.gotemplate.functions import STRING, VERSION, Function
from runtime.values.gotemplate.literals import MAX_UINT64
from runtime.values.gotemplate.values import GoType, Int, Kind, Struct, Uint64, Value

_EXTRA: Final = r"(-([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?(?:\+([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?"
_VERSION: Final = re.compile(rf"v?([0-9]+)(\.[0-9]+)?(\.[0-9]+)?{_EXTRA}", re.ASCII)
_WILD: Final = rf"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?{_EXTRA}"
_WILD_PLAIN: Final = re.sub(r"\((?!\?)", "(?:", _WILD)
_OPS: Final = r"(?:!=|>=|=>|<=|=<|~>|=|>|<|~|\^|)"
_CONSTRAINT: Final = re.compile(rf"\s*({_OPS})\s*({_WILD})\s*", re.ASCII)
_RANGE: Final = re.compile(rf"\s*({_WILD_PLAIN})\s+-\s+({_WILD_PLAIN})\s*", re.ASCII)
_FIND: Final = re.compile(rf"{_OPS}\s*{_WILD_PLAIN}", re.ASCII)
_ONE: Final = re.compile(rf"\s*{_OPS}\s*{_WILD_PLAIN}\s*", re.ASCII)
_SEGMENT: Final = re.compile(r"[0-9A-Za-z\-]*", re.ASCII)
_LONGEST: Final = 1000


class BadVersion(ValueError):
    """A text is no version, or no constraint; the message is Go's."""


class Version(Struct):
    """A semantic version; Go holds a pointer to it."""

    __slots__ = ("major", "metadata", "minor", "original", "patch", "pre")
    go_type = GoType("*semver.Version", Kind.PTR)

    def __init__(self, numbers: tuple[int, int, int], pre: str, metadata: str, original: str) -> None:
        self.major, self.minor, self.patch = numbers
        self.pre = pre
        self.metadata = metadata
        self.original = original

    def go_string(self) -> str:
        """Print as Go does, without a leading v."""
        text = f"{self.major}.{self.minor}.{self.patch}"
        return text + (f"-{self.pre}" if self.pre else "") + (f"+{self.metadata}" if self.metadata else "")

    def go_values(self) -> tuple[tuple[str, Value], ...]:
        """Give the unexported fields."""
        return (
            *((name, Uint64(getattr(self, name))) for name in ("major", "minor", "patch")),
            ("pre", self.pre),
            ("metadata", self.metadata),
            ("original", self.original),
        )

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Give the three numbers."""
        return self.major, self.minor, self.patch


class VersionValue(Version):
    """A semantic version that Go does not hold a pointer to."""

    __slots__ = ()
    go_type = GoType("semver.Version", Kind.STRUCT)


def _compare_parts(left: str, right: str) -> int:
    if left == right:
        return 0
    if not left or not right:
        return 1 if left else -1
    numbers = [int(part) if part.isdigit() and int(part) <= MAX_UINT64 else None for part in (left, right)]
    if numbers[0] is None and numbers[1] is None:
        return 1 if left > right else -1
    if numbers[1] is None:
        return -1
    if numbers[0] is None:
        return 1
    return 1 if numbers[0] > numbers[1] else -1


def _compare_pre(left: str, right: str) -> int:
    lefts, rights = left.split("."), right.split(".")
    width = max(len(lefts), len(rights))
    lefts += [""] * (width - len(lefts))
    rights += [""] * (width - len(rights))
    return next((order for pair in zip(lefts, rights, strict=True) if (order := _compare_parts(*pair))), 0)


def compare(left: Version, right: Version) -> int:
    """Tell which version comes first: -1, 0 or 1. Metadata does not count."""
    if left.numbers != right.numbers:
        return 1 if left.numbers > right.numbers else -1
    if not left.pre or not right.pre:
        return bool(right.pre) - bool(left.pre)
    return _compare_pre(left.pre, right.pre)


def parse_version(text: str) -> Version:
    """Read a version; minor and patch may be missing.

    Raises:
        BadVersion: it is none.
    """
    match = _VERSION.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise BadVersion("Invalid Semantic Version")
    numbers: list[int] = []
    for segment in match.groups()[:3]:
        digits = (segment or "0").removeprefix(".")
        if int(digits) > MAX_UINT64:
            raise BadVersion(
                f'Error parsing version segment: strconv.ParseUint: parsing "{digits}": value out of range'
            )
        numbers.append(int(digits))
    pre = match[5] or ""
    if any(part.isdigit() and len(part) > 1 and part[0] == "0" for part in pre.split(".")):
        raise BadVersion("Version segment starts with 0")
    return Version((numbers[0], numbers[1], numbers[2]), pre, match[6] or "", text)


@attrs.frozen
class _Constraint:
    operator: str
    version: Version
    dirty: bool
    minor_dirty: bool
    patch_dirty: bool


def _is_wild(part: str) -> bool:
    return part in {"", "x", "X", "*"}


def _parse_constraint(text: str) -> _Constraint:
    match = _CONSTRAINT.fullmatch(text)
    if match is None:
        raise BadVersion(f"improper constraint: {text}")
    operator, version, major, minor, patch, dashed = match.groups()[:6]
    minor, patch, dashed = minor or "", patch or "", dashed or ""
    dirty = minor_dirty = patch_dirty = False
    if _is_wild(major):
        version, dirty = f"0.0.0{dashed}", True
    elif _is_wild(minor.removeprefix(".")):
        version, dirty, minor_dirty = f"{major}.0.0{dashed}", True, True
    elif _is_wild(patch.removeprefix(".")):
        version, dirty, patch_dirty = f"{major}{minor}.0{dashed}", True, True
    try:
        return _Constraint(operator, parse_version(version), dirty, minor_dirty, patch_dirty)
    except BadVersion:
        raise BadVersion("constraint Parser Error") from None


def _tilde(version: Version, constraint: _Constraint) -> bool:
    wanted = constraint.version
    if compare(version, wanted) < 0:
        return False
    if not any(wanted.numbers) and not constraint.minor_dirty and not constraint.patch_dirty:
        return True
    return version.major == wanted.major and (version.minor == wanted.minor or constraint.minor_dirty)


def _equal(version: Version, constraint: _Constraint) -> bool:
    return _tilde(version, constraint) if constraint.dirty else compare(version, constraint.version) == 0


def _greater(version: Version, constraint: _Constraint) -> bool:
    wanted = constraint.version
    if not constraint.dirty or version.major != wanted.major:
        return compare(version, wanted) > 0 if not constraint.dirty else version.major > wanted.major
    if constraint.minor_dirty:
        return False
    return version.minor > wanted.minor if constraint.patch_dirty else compare(version, wanted) > 0


def _less_equal(version: Version, constraint: _Constraint) -> bool:
    wanted = constraint.version
    if not constraint.dirty:
        return compare(version, wanted) <= 0
    if version.major > wanted.major:
        return False
    return not (version.major == wanted.major and version.minor > wanted.minor and not constraint.minor_dirty)


def _caret(version: Version, constraint: _Constraint) -> bool:
    wanted = constraint.version
    if compare(version, wanted) < 0:
        return False
    if wanted.major > 0 or constraint.minor_dirty:
        return version.major == wanted.major
    if version.major > wanted.major:
        return False
    if wanted.minor > 0 or constraint.patch_dirty:
        return version.minor == wanted.minor
    if version.minor != 0 and not wanted.minor:
        return False
    return version.patch == wanted.patch


_CHECKS: Final[Mapping[str, Callable[[Version, _Constraint], bool]]] = {
    "": _equal,
    "=": _equal,
    ">": _greater,
    "<": lambda version, constraint: compare(version, constraint.version) < 0,
    ">=": lambda version, constraint: compare(version, constraint.version) >= 0,
    "=>": lambda version, constraint: compare(version, constraint.version) >= 0,
    "<=": _less_equal,
    "=<": _less_equal,
    "~": _tilde,
    "~>": _tilde,
    "^": _caret,
}


def _differs(version: Version, constraint: _Constraint) -> bool:
    wanted = constraint.version
    if constraint.dirty:
        if version.pre and not wanted.pre:
            return False
        if wanted.major != version.major:
            return True
        if constraint.minor_dirty:
            return False
        if wanted.minor != version.minor:
            return True
        if constraint.patch_dirty:
            return bool(version.pre or wanted.pre) and _compare_pre(version.pre, wanted.pre) != 0
        if wanted.patch != version.patch:
            return True
    return compare(version, wanted) != 0


def _holds(version: Version, constraint: _Constraint) -> bool:
    if constraint.operator == "!=":
        return _differs(version, constraint)
    if version.pre and not constraint.version.pre:
        return False
    return _CHECKS[constraint.operator](version, constraint)


def _valid(segment: str) -> bool:
    """Tell whether a segment is constraints parted by spaces or commas."""
    match = _ONE.match(segment)
    while match is not None and match.end() < len(segment):
        at = match.end()
        if segment[at] == ",":
            at += 1
        elif not segment[at - 1].isspace():
            return False
        match = _ONE.match(segment, at)
    return match is not None


def _parse_constraints(text: str) -> list[list[_Constraint]]:
    if len(text) > _LONGEST:
        raise BadVersion(f"improper constraint: {text[:_LONGEST]}")
    text = _RANGE.sub(lambda match: f">= {match[1]}, <= {match[2]}", text)
    alternatives: list[list[_Constraint]] = []
    for segment in text.split("||"):
        if not _valid(segment):
            raise BadVersion(f"improper constraint: {segment}")
        alternatives.append([_parse_constraint(match[0]) for match in _FIND.finditer(segment) if match[0]])
    return alternatives


def check(constraint: str, version: str) -> bool:
    """Tell whether a version meets a constraint.

    Raises:
        BadVersion: one of the two is malformed.
    """
    alternatives = _parse_constraints(constraint)
    parsed = parse_version(version)
    return any(all(_holds(parsed, part) for part in parts) for parts in alternatives)


def _next(version: Version, numbers: tuple[int, int, int], pre: str = "", metadata: str = "") -> VersionValue:
    made = VersionValue(numbers, pre, metadata, "")
    made.original = ("v" if version.original.startswith("v") else "") + made.go_string()
    return made


def _check_segments(text: str, kind: str, *, numbers: bool) -> None:
    for part in text.split(".") if text else ():
        if numbers and part.isdigit() and len(part) > 1 and part[0] == "0":
            raise FunctionError("Version segment starts with 0")
        if not _SEGMENT.fullmatch(part):
            raise FunctionError(f"Invalid {kind} string")


def _with_pre(version: Version, pre: str) -> VersionValue:
    _check_segments(pre, "Prerelease", numbers=True)
    return _next(version, version.numbers, pre, version.metadata)


def _with_metadata(version: Version, metadata: str) -> VersionValue:
    _check_segments(metadata, "Metadata", numbers=False)
    return _next(version, version.numbers, version.pre, metadata)


def _order(version: Version, other: Version | None) -> int:
    if other is None:
        raise FunctionError("runtime error: invalid memory address or nil pointer dereference")
    return compare(version, other)


_VALUE_METHODS: Final = {
    "String": Function(Version.go_string),
    "Major": Function(lambda version: Uint64(version.major)),
    "Minor": Function(lambda version: Uint64(version.minor)),
    "Patch": Function(lambda version: Uint64(version.patch)),
    "Prerelease": Function(lambda version: version.pre),
    "Metadata": Function(lambda version: version.metadata),
    "IncMajor": Function(lambda version: _next(version, (version.major + 1, 0, 0))),
    "IncMinor": Function(lambda version: _next(version, (version.major, version.minor + 1, 0))),
    "IncPatch": Function(lambda version: _next(version, (*version.numbers[:2], version.patch + (not version.pre)))),
    "SetPrerelease": Function(_with_pre, (STRING,)),
    "SetMetadata": Function(_with_metadata, (STRING,)),
    "Value": Function(Version.go_string),
}
VersionValue.go_methods = _VALUE_METHODS
Version.go_methods = {
    **_VALUE_METHODS,
    "Original": Function(lambda version: version.original),
    "Compare": Function(lambda version, other: Int(_order(version, other)), (VERSION,)),
    "Equal": Function(lambda version, other: _order(version, other) == 0, (VERSION,)),
    "LessThan": Function(lambda version, other: _order(version, other) < 0, (VERSION,)),
    "GreaterThan": Function(lambda version, other: _order(version, other) > 0, (VERSION,)),
}
