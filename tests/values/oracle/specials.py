"""Templates that call one function with arguments made for it at random: formats, dates, patterns, JSON, URLs, versions."""

import json
from collections.abc import Callable
from random import Random

_PARTS = ("2006", "06", "01", "1", "Jan", "January", "02", "2", "_2", "002", "__2", "15", "3", "03", "04", "4", "05", "5", "PM", "pm",
          "MST", "-0700", "-07:00", "-07", "Z07:00", "Z0700", "Z07", ".000", ",999", ".999999999", "Mon", "Monday", "-", "/", ":", " ", "T", "x", "é")  # fmt: skip
_ZONES = ("UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Local", "Nope", "")
_REGEX = ("a", "b", "é", ".", "^", "$", "\\b", "\\d", "\\w+", "[a-c]", "[^a]", "(", ")", "(?:", "(?i)", "(?P<n>", "|", "*", "+", "?", "{2}",
          "{1,3}", "{", "}", "[", "]", "\\", "\\pL", "\\x41", "a*?", "\\s", "[[:alpha:]]", "\\Q", "\\E", "{1001}", "(?s)", "-")  # fmt: skip
_JSON = ("{", "}", "[", "]", ",", ":", '"a"', '"é\\u00e9\\n"', '"\\x"', "1", "-1.50", "1e5", "01", "1.", "true", "null", "fals", "nul", " ", "\n", '"', "'", "\t")  # fmt: skip
_URL = ("http", "https", "mailto", ":", "//", "/", "u", "@", "p:w", "example.com", ":80", ":x", "[::1]", "?", "a=b", "&c", "#", "frag", "%20", "%zz", "%2F", " ", "é", "..", "*", "%25", "[")  # fmt: skip
_VERSION = ("1", "2", "0", "10", ".", ".", ".", "-", "beta", "rc.1", "+", "build", "v", "x", "*", "01")
_OPS = ("", "=", "!=", ">", "<", ">=", "<=", "~", "^", "~>", "=>", " ", ",", "||", " - ")
_UNITS = ("h", "m", "s", "ms", "us", "µs", "ns", "d", "", "1", "1.5", "-", "+", ".", "90", "0")
_STRINGS = ("", "a", "aab", "abc abc", "éa b", "A1b2\n", "foo-bar", "xaé|b")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\\/", "/")


class Specials:
    """Makes templates from a source of randomness."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def some(self, parts: tuple[str, ...], most: int) -> str:
        return "".join(self.random.choices(parts, k=self.random.randrange(most + 1)))

    def number(self) -> str:
        pick = self.random.random()
        if pick < 0.3:
            return str(self.random.randrange(-(10 ** self.random.randrange(1, 18)), 10 ** self.random.randrange(1, 18)))
        if pick < 0.6:
            return repr(self.random.uniform(-1, 1) * 10.0 ** self.random.randrange(-12, 25))
        return repr(round(self.random.uniform(-1000, 1000), self.random.randrange(4)))

    def printing(self) -> str:
        flags = self.some(("-", "+", "#", " ", "0"), 2)
        width = self.random.choice(("", "", "3", "8", "20"))
        precision = self.random.choice(("", "", ".0", ".1", ".3", ".8", ".20"))
        verb = self.random.choice("vdeEfFgGbxXoOcqUts")
        value = self.number() if self.random.random() < 0.75 else _quoted(self.random.choice(_STRINGS))
        return f'printf "%{flags}{width}{precision}{verb}|%v" {value} {self.number()}'

    def arithmetic(self) -> str:
        name = self.random.choice(("add", "sub", "mul", "div", "mod", "addf", "subf", "mulf", "divf", "max", "minf", "round", "floor", "ceil", "int", "float64", "toDecimal", "atoi"))  # fmt: skip
        if name == "round":
            return f"round {self.number()} {self.random.randrange(-3, 6)}"
        if name == "atoi":
            return f"atoi {_quoted(self.number())}"
        if name in {"floor", "ceil", "int", "float64", "toDecimal"}:
            return f"{name} {self.number()}"
        number = self.number()
        return f"{name} {self.number()} {_quoted(number) if self.random.random() < 0.3 else number}"

    def date(self) -> str:
        moment = self.random.randrange(-(10**10), 10**10)
        return f"dateInZone {_quoted(self.some(_PARTS, 6))} {moment} {_quoted(self.random.choice(_ZONES))}"

    def reading(self) -> str:
        layout = self.some(_PARTS, 5)
        return f"$t := dateInZone {_quoted(layout)} {self.random.randrange(0, 2 * 10**9)} {_quoted(self.random.choice(_ZONES[:4]))}}}}}{{{{$t}}}}|{{{{mustToDate {_quoted(layout)} $t"

    def misreading(self) -> str:
        return f"mustToDate {_quoted(self.some(_PARTS, 3))} {_quoted(self.some(_PARTS, 3))}"

    def pattern(self) -> str:
        pattern = _quoted(self.some(_REGEX, 5))
        text = _quoted(self.random.choice(_STRINGS))
        name = self.random.choice(
            ("mustRegexMatch", "mustRegexFind", "mustRegexFindAll", "mustRegexSplit", "mustRegexReplaceAll")
        )
        last = {"mustRegexFindAll": " -1", "mustRegexSplit": " -1", "mustRegexReplaceAll": ' "<$0$1${n}>"'}.get(
            name, ""
        )
        return f"{name} {pattern} {text}{last}"

    def json(self) -> str:
        return f"mustFromJson {_quoted(self.some(_JSON, 6))} | toJson"

    def url(self) -> str:
        return f"urlParse {_quoted(self.some(_URL, 6))}"

    def joined(self) -> str:
        return f"urlJoin (urlParse {_quoted(self.some(_URL, 6))})"

    def version(self) -> str:
        return f"semver {_quoted(self.some(_VERSION, 7))}"

    def constraint(self) -> str:
        first = self.random.choice(_OPS) + self.some(_VERSION[:12], 5)
        second = self.random.choice(_OPS) + self.some(_VERSION[:12], 5) if self.random.random() < 0.5 else ""
        return f'semverCompare {_quoted(first + second)} "{self.random.choice(("1.2.3", "0.1.0", "2.0.0-beta", "10.0.1", "1.0.0"))}"'

    def duration(self) -> str:
        return f'mustDateModify {_quoted(self.some(_UNITS, 5))} (toDate "2006" "2020")'

    def decoding(self) -> str:
        return f"{self.random.choice(('b64dec', 'b32dec'))} {_quoted(self.some(('A', 'M', 'E', 'Q', '=', '==', 'aGVs', 'NBSWY3DP', '!', 'Z2'), 6))}"

    def naming(self) -> str:
        name = self.random.choice(("snakecase", "camelcase", "kebabcase", "title", "untitle", "swapcase", "initials", "nospace", "wrap 3", 'wrapWith 4 "-"', "abbrev 6", "abbrevboth 5 9", "substr 1 4", "trunc -3", "quote", "squote", "html", "js", "urlquery", "clean", "base", "dir", "ext"))  # fmt: skip
        return f"{name} {_quoted(self.some(('foo', 'Bar', 'HTTP', '_', '-', ' ', '1', '23', 'é', 'É', '.', '/', '..', '!', '日', 'ß', '&', chr(9)), 7))}"

    def template(self) -> str:
        """Make a template."""
        makers: tuple[Callable[[], str], ...] = (
            self.printing, self.printing, self.arithmetic, self.arithmetic, self.date, self.reading, self.misreading, self.pattern,
            self.pattern, self.json, self.url, self.joined, self.version, self.constraint, self.duration, self.decoding, self.naming,
        )  # fmt: skip
        return f"{{{{{self.random.choice(makers)()}}}}}"
