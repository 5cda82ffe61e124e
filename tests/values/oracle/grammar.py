"""Templates and data made at random, the same for the same seed: mostly right, often slightly wrong, never slow in Go."""

import json
import re
from collections.abc import Callable
from random import Random

from tests.values.oracle.formats import Formats
from tests.values.oracle.specials import Specials
from tests.values.oracle.syntax import Syntax

_SPECIAL = 0.15  # of the cases call one function with arguments made for it
_SYNTAX = 0.25  # are about the language
_WORDS_ONLY = 0.3  # of those are one action
_FORMATS = 0.2  # are about printing, comparing, methods
_KEYS = ("a", "b", "c", "s", "n", "f", "l", "m", "t", "nul", "e", "x", "deep", "key-dash", "é")
_WORDS = (
    "",
    "a",
    "b",
    "x",
    "Hello World",
    "foo-bar_baz",
    "1",
    "42",
    "-7",
    "3.5",
    "1e3",
    "010",
    "true",
    "é日本",
    "a,b,c",
)
_STRINGS = (
    *_WORDS,
    "  spaced  out ",
    "line1\nline2\n",
    "<b>&'\"",
    "a/b/../c.txt",
    "FirstName",
    "HTTPServer2Go",
    "2024-02-29",
    "1h30m",
    "v1.2.3-beta+x",
    ">=1.2, <2",
    "http://u:p@h:80/p%20q?x=1#f",
    '{"k":[1,2.5,"s",null],"o":{"z":true}}',
    "[1,2",
    "aGVsbG8=",
    "$1 ${x} %d %s",
    "a(b+)c*",
    "[a-z]+",
    "the quick brown fox jumps",
    "ÀÉ ß ǆ",
    "tab\there",
    'a\\b"c`d',
    "{{.s}}",
)
_NUMBERS = (
    "0",
    "1",
    "3",
    "7",
    "42",
    "-5",
    "1.50",
    "2.0",
    "0.1",
    "1e3",
    "12345678",
    "1E+2",
    "-0",
    "3.14159",
    "0.00001",
    "123456789012",
)
_LITERALS = (
    "0",
    "1",
    "2",
    "3",
    "5",
    "-1",
    "-3",
    "10",
    "0x1F",
    "1.5",
    "0.25",
    "-2.5",
    "1e3",
    "'a'",
    "100",
    "1_000",
    "017",
    "2.0",
)
_VERBS = "vvvssdddqxXtfegTcbobUGE"
_REGEXES = (
    "a",
    "[a-z]+",
    "(a)(b)?",
    "l+",
    "^.",
    ".$",
    "x*",
    "",
    "\\\\s+",
    "(?i)HELLO",
    "[^a-z]",
    "a|b",
    "(\\\\w+) (\\\\w+)",
    "é",
    "(",
    "[",
    "a**",
    "\\\\d{2,}",
)
_LAYOUTS = (
    "2006-01-02",
    "Jan 2 2006 15:04:05",
    "Monday 02-Jan-06 3:04PM",
    "2006-01-02T15:04:05Z07:00",
    "002 __2 _2",
    "15h04 .000 MST -0700",
)
_TYPES = ("string", "int", "float64", "map", "slice", "json.Number", "invalid", "[]interface {}", "bool")

# Calls of functions whose result is random, or depends on the time, made to give the same always.
_STEADY = (
    "randAlpha {i} | len", "randAlphaNum {i} | len", "randAscii {i} | len", "randNumeric {i} | len", "randNumeric 3 | regexMatch `^[0-9]+$`", "randAlpha 5 | typeOf", "randBytes {i} | len",
    "randInt 3 4", "randInt {i} {i} | kindOf", "uuidv4 | len", "uuidv4 | regexMatch `^[0-9a-f-]+$`", "uuidv4 | substr 14 15", "shuffle {s} | len", "shuffle `aaa`", "now | typeOf", "now | kindOf", "(now).Year | lt 2000",
    "date `2006` now | len", "now | date `15` | len", "ago now", "ago (now | dateModify `-90m`)", "durationRound (now | dateModify `-50h`)", "htmlDate nil | len", "now | unixEpoch | len", "(now | dateModify `1h`).After now",
    "keys {d} | sortAlpha", "keys {d} {d} | sortAlpha | len", "keys .a | sortAlpha | join `,`", "values {d} | len", "values (dict `a` {a})", "keys {a} | len", "bcrypt {s} | trunc 7", "htpasswd {s} `x` | trunc 1",
    "htpasswd `a:b` {s}", "genPrivateKey `ed25519` | trunc 27", "genPrivateKey `ecdsa` | trunc 26", "derivePassword 1 `long` `pw` `user` {s}", "derivePassword {i} `pin` {s} `user` `example.com`", "derivePassword 1 {s} `a` `b` `c`",
    "encryptAES `k` {s} | len", "decryptAES `k` (encryptAES `k` {s})", "encryptAES `k` {s} | decryptAES `k` | quote", "buildCustomCert {s} {s}", "buildCustomCert (b64enc {s}) (b64enc {s})", "genCAWithKey {s} {i} {s}",
    "genSelfSignedCert {s} {l} {l} {s}", "genSelfSignedCertWithKey {s} (list {s}) nil {i} {s}", "genSelfSignedCertWithKey {s} (list `10.0.0.1`) (list {s} 1) 365 `x`", "(genSelfSignedCertWithKey `a.b` (list `10.0.0.1`) (list `c.d`) 365 (genPrivateKey `ecdsa`)).Cert | trunc 27",
    "genSignedCert {s} nil nil {i} {a}", "genSignedCertWithKey {s} nil nil 1 (buildCustomCert {s} {s}) {s}", "(genCAWithKey `ca` 365 (genPrivateKey `ecdsa`)).Key | trunc 26", "genCAWithKey `ca` 1 (genPrivateKey `ecdsa`) | typeOf", "(genCAWithKey `ca` 1 (genPrivateKey `ecdsa`)).Nope",
    "env `HOME`", "expandenv `$HOME`", "getHostByName `localhost`", "sha512sum {s}",
)  # fmt: skip
_HOLE = re.compile(r"\{([a-zA-Z])\}")

# What each function takes: a letter an argument. s string, i small int, n number-like, a anything, l list, d map,
# b bool, k key, r regex, t time, o layout, z zone, v version, c constraint, w name of a type, p format, S scalar, D new map;
# * what is before may repeat. A map never gets to hold itself: Go cannot print that.
_FUNCTIONS = {
    "upper": "s", "lower": "s", "title": "s", "untitle": "s", "trim": "s", "swapcase": "s", "nospace": "s", "initials": "s",
    "snakecase": "s", "camelcase": "s", "kebabcase": "s", "trimAll": "ss", "trimSuffix": "ss", "trimPrefix": "ss",
    "contains": "ss", "hasPrefix": "ss", "hasSuffix": "ss", "replace": "sss", "repeat": "is", "substr": "iis", "trunc": "is",
    "abbrev": "is", "abbrevboth": "iis", "wrap": "is", "wrapWith": "iss", "indent": "is", "nindent": "is", "plural": "ssi",
    "quote": "a*", "squote": "a*", "cat": "a*", "join": "sl", "split": "ss", "splitList": "ss", "splitn": "sis", "toString": "a",
    "toStrings": "l", "sortAlpha": "l", "atoi": "s", "int": "n", "int64": "n", "float64": "n", "toDecimal": "n",
    "add": "n*", "add1": "n", "sub": "nn", "mul": "nn*", "div": "nn", "mod": "nn", "max": "nn*", "min": "nn*", "maxf": "nn",
    "minf": "nn", "ceil": "n", "floor": "n", "round": "ni", "addf": "n*", "add1f": "n", "subf": "nn", "mulf": "nn", "divf": "nn",
    "list": "a*", "first": "l", "last": "l", "rest": "l", "initial": "l", "append": "la", "prepend": "la", "concat": "l*",
    "reverse": "l", "uniq": "l", "without": "la*", "has": "al", "compact": "l", "chunk": "il", "slice": "lii", "until": "i",
    "untilStep": "iii", "seq": "ii", "all": "a*", "any": "a*", "mustFirst": "l", "mustHas": "al", "tuple": "a*", "push": "la",
    "dict": "kaka", "get": "dk", "hasKey": "dk", "pick": "dk*", "omit": "dk*", "pluck": "kd*", "merge": "Dd", "mergeOverwrite": "Dd",
    "dig": "kad", "deepCopy": "a", "set": "dkS", "unset": "dk", "deepEqual": "aa", "mustMerge": "Dd",
    "default": "aa", "empty": "a", "coalesce": "a*", "ternary": "aab", "fromJson": "s", "toJson": "a", "toPrettyJson": "a",
    "toRawJson": "a", "mustFromJson": "s", "mustToJson": "a", "typeOf": "a", "kindOf": "a", "typeIs": "wa", "kindIs": "wa",
    "typeIsLike": "wa", "b64enc": "s", "b64dec": "s", "b32enc": "s", "b32dec": "s", "sha1sum": "s", "sha256sum": "s",
    "adler32sum": "s", "base": "s", "dir": "s", "clean": "s", "ext": "s", "isAbs": "s", "osBase": "s", "osClean": "s",
    "semver": "v", "semverCompare": "cv", "regexMatch": "rs", "regexFind": "rs", "regexFindAll": "rsi", "regexReplaceAll": "rss",
    "regexReplaceAllLiteral": "rss", "regexSplit": "rsi", "regexQuoteMeta": "s", "mustRegexFind": "rs", "mustRegexMatch": "rs",
    "urlParse": "s", "urlJoin": "d", "toDate": "os", "mustToDate": "os", "dateModify": "st", "unixEpoch": "t", "duration": "n",
    "durationRound": "s", "date": "oT", "htmlDate": "T", "dateInZone": "oTz", "fail": "s",
    "len": "a", "index": "la", "not": "a", "eq": "aa*", "ne": "aa", "lt": "nn", "le": "nn", "gt": "nn", "ge": "nn",
    "mustAppend": "la", "mustPush": "la", "mustPrepend": "la", "mustRest": "l", "mustInitial": "l", "mustLast": "l", "mustReverse": "l", "mustUniq": "l", "mustCompact": "l",
    "mustWithout": "la*", "mustSlice": "lii", "mustChunk": "il", "mustDeepCopy": "a", "mustToPrettyJson": "a", "mustToRawJson": "a", "mustMergeOverwrite": "Dd",
    "mustRegexFindAll": "rsi", "mustRegexSplit": "rsi", "mustRegexReplaceAll": "rss", "mustRegexReplaceAllLiteral": "rss", "mustDateModify": "st", "must_date_modify": "st",
    "date_modify": "st", "date_in_zone": "oTz", "htmlDateInZone": "Tz", "osDir": "s", "osExt": "s", "osIsAbs": "s", "trimall": "ss", "biggest": "nn*", "call": "aa*",
    "hello": "", "buildCustomCert": "ss", "decryptAES": "ss",
    "print": "a*", "println": "a*", "html": "a*", "js": "a*", "urlquery": "a*", "and": "aa*", "or": "aa*", "printf": "pa*",
}  # fmt: skip
_NAMES = tuple(_FUNCTIONS)
_NOT_PIPED = ("set", "date", "htmlDate")  # the value might hold the map, or be no time: then it is the present
_TYPICAL = {
    "s": (".s", "$.s", "(print .s)", "(toString .n)"),
    "n": (".n", ".f", "(int .n)", "$.n"),
    "l": (".l", "$.l", ".m", "(rest .l)", "(list .n .s)"),
    "d": (".a", ".deep", "$.a", "(deepCopy .a)"),
    "i": ("(int .n | min 20 | max -5 | int)", "(len .s)", "2"),
    "b": (".t", "(eq .s .s)", "(not .nul)"),
    "k": ('"a"', '"s"', '"b"'),
}


def _quoted(text: str) -> str:
    body = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{body}"'


class Generator:
    """Makes cases from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.variables: list[str] = []
        self.in_range = 0

    # Data.

    def number(self) -> str:
        return self.random.choice(_NUMBERS)

    def value(self, depth: int) -> str:
        pick = self.random.random()
        if depth <= 0 or pick < 0.55:
            return self.scalar()
        if pick < 0.75:
            return "[" + ",".join(self.value(depth - 1) for _ in range(self.random.randrange(4))) + "]"
        return self.mapping(depth)

    def scalar(self) -> str:
        pick = self.random.random()
        if pick < 0.45:
            return json.dumps(self.random.choice(_STRINGS), ensure_ascii=False)
        return self.number() if pick < 0.8 else self.random.choice(("true", "false", "null", "null"))

    def mapping(self, depth: int) -> str:
        keys = self.random.sample(_KEYS, self.random.randrange(5))
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{self.value(depth - 1)}" for key in keys) + "}"

    def data(self) -> str:
        if self.random.random() < 0.03:
            return self.value(2)
        fixed = {
            "s": json.dumps(self.random.choice(_STRINGS), ensure_ascii=False),
            "n": self.number(),
            "f": self.number(),
            "t": "true",
            "nul": "null",
            "l": "[" + ",".join(self.scalar() for _ in range(self.random.randrange(5))) + "]",
            "m": "[" + ",".join(self.mapping(2) for _ in range(self.random.randrange(4))) + "]",
            "a": self.mapping(3),
            "deep": f'{{"a":{self.mapping(2)},"b":{self.value(2)}}}',
        }
        return "{" + ",".join(f'"{key}":{value}' for key, value in fixed.items()) + "}"

    # Expressions.

    def path(self) -> str:
        pick = self.random.random()
        head = ""
        if self.variables and pick < 0.3:
            head = self.random.choice(self.variables)
        elif pick < 0.36:
            return self.random.choice((".", "$"))
        elif pick < 0.45:
            head = "$"
        fields = self.random.choices(
            _KEYS[:13],
            k=self.random.choice((0, 1, 1, 2))
            if head.startswith("$") and head != "$"
            else self.random.choice((1, 1, 1, 2, 3)),
        )
        return (head + "".join(f".{field}" for field in fields)) or "."

    def argument(self, kind: str, depth: int) -> str:
        if kind not in "DST" and self.random.random() < 0.03:
            kind = self.random.choice("asinldbk")
        if kind not in "DST" and self.random.random() < 0.25:
            if kind in _TYPICAL and self.random.random() < 0.8:
                return self.random.choice(_TYPICAL[kind])
            return self.path() if self.random.random() < 0.9 else "nil"
        makers: dict[str, Callable[[], str]] = {
            "s": self.string,
            "i": lambda: self.random.choice(("0", "1", "2", "3", "-1", "5", "10", "7", "20", "(len .l)")),
            "n": lambda: self.random.choice((self.random.choice(_LITERALS), self.string(), self.call(depth))),
            "a": lambda: self.anything(depth),
            "l": lambda: self.listing(depth),
            "d": lambda: self.random.choice((".a", ".deep", "(dict)", f"(dict {self.string()} {self.anything(depth)})", "(fromJson .s)", ".deep.a")),
            "b": lambda: self.random.choice(("true", "false", ".t", "(empty .s)")),
            "k": lambda: _quoted(self.random.choice(_KEYS)),
            "r": lambda: f'"{self.random.choice(_REGEXES)}"',
            "t": lambda: f'(toDate "2006-01-02" "20{self.random.randrange(10, 30)}-0{self.random.randrange(1, 10)}-1{self.random.randrange(10)}")',
            "T": lambda: self.random.choice((makers["t"](), "0", "1700000000", "(int64 .n)")),
            "o": lambda: _quoted(self.random.choice(_LAYOUTS)),
            "z": lambda: self.random.choice(('"UTC"', '"Europe/Paris"', '"America/New_York"', '"Nope"')),
            "v": lambda: self.random.choice(('"1.2.3"', '"v1.2"', '"2.0.0-beta.1"', '"x"', '"1.02.3"', '"0.2.9"')),
            "c": lambda: self.random.choice(('"^1.2"', '"~1.2.3"', '">=1.0 <2"', '"1.x"', '"!=1.2.3"', '"*"', '"1.2 - 1.5"', '">1 || <0.3"', '"y"')),
            "w": lambda: _quoted(self.random.choice(_TYPES)),
            "p": self.form,
            "S": lambda: self.random.choice((self.string(), self.random.choice(_LITERALS))),
            "D": lambda: self.random.choice(("(dict)", '(dict "a" 1 "s" "x" "nul" nil)', "(deepCopy .a)", "(fromJson .s)")),
        }  # fmt: skip
        return makers[kind]()

    def form(self) -> str:
        out = ""
        for _ in range(self.random.randrange(1, 4)):
            out += self.random.choice(("", "a", " ", "|", "%%"))
            flags = "".join(self.random.sample("+-# 0", self.random.choice((0, 0, 0, 1, 2))))
            width = self.random.choice(("", "", "", "5", "12", "*", "[1]"))
            precision = self.random.choice(("", "", "", ".2", ".0", ".10", ".", ".*"))
            verb = self.random.choice(_VERBS)
            out += f"%{flags}{width}{precision}{verb}"
        return f'"{out}"'

    def string(self) -> str:
        text = self.random.choice(_STRINGS)
        if self.random.random() < 0.1 and "`" not in text:
            return f"`{text}`"
        return _quoted(text)

    def listing(self, depth: int) -> str:
        return self.random.choice(
            (".l", ".m", "(list)", '(splitList "," "c,a,b,a")', "(until 4)", f"(list {self.anything(depth)} {self.anything(depth)})", "(fromJson .s)", ".missing")
        )  # fmt: skip

    def anything(self, depth: int) -> str:
        pick = self.random.random()
        if pick < 0.25:
            return self.string()
        if pick < 0.45:
            return self.random.choice(_LITERALS)
        if pick < 0.5:
            return self.random.choice(("true", "false", "nil"))
        if pick < 0.75 or depth <= 0:
            return self.path()
        return self.call(depth)

    def call(self, depth: int) -> str:
        if depth <= 0:
            return self.path()
        text = f"({self.pipeline(depth - 1)})"
        return text + self.random.choice(("", "", "", "", ".a", ".b.c"))

    def steady(self) -> str:
        """Call a function whose result is random, in a way that always gives the same."""
        return _HOLE.sub(lambda match: self.argument(match[1], 0), self.random.choice(_STEADY))

    def command(self, depth: int, *, piped: bool) -> str:
        name = self.random.choice(_NAMES)
        if piped and name in _NOT_PIPED:
            name = "get"
        kinds = _FUNCTIONS[name]
        if kinds.endswith("*"):
            kinds = kinds[:-1] + kinds[-2] * self.random.randrange(3)
        if piped:
            kinds = kinds[:-1]
        if self.random.random() < 0.015:
            kinds += "a"
        elif self.random.random() < 0.015:
            kinds = kinds[:-1]
        return " ".join((name, *(self.argument(kind, depth) for kind in kinds)))

    def pipeline(self, depth: int) -> str:
        if depth == 2 and self.random.random() < 0.03:
            return self.steady()
        pick = self.random.random()
        if pick < 0.3:
            first = self.path()
        elif pick < 0.4:
            first = self.random.choice((self.string(), self.random.choice(_LITERALS), self.call(depth)))
        else:
            first = self.command(depth, piped=False)
        parts = [first]
        while self.random.random() < 0.35 and len(parts) < 4:
            parts.append(self.command(depth - 1, piped=True) if self.random.random() < 0.97 else self.path())
        return " | ".join(parts)

    # Statements.

    def wrap(self, text: str) -> str:
        left = "{{- " if self.random.random() < 0.1 else "{{"
        right = " -}}" if self.random.random() < 0.1 else "}}"
        return left + text + right

    def text(self) -> str:
        return self.random.choice((" ", "x", "\n", "  ", "é", "text ", "\n  ", "", "|"))

    def body(self, depth: int) -> str:
        mark = len(self.variables)
        out = "".join(self.statement(depth) for _ in range(self.random.randrange(1, 4)))
        del self.variables[mark:]
        return out

    def statement(self, depth: int) -> str:
        pick = self.random.random()
        if pick < 0.2:
            return self.text()
        if pick < 0.62 or depth <= 0:
            return self.wrap(self.pipeline(2))
        if pick < 0.72:
            return self.declaration()
        if pick < 0.74:
            return self.wrap("/* note */") if self.random.random() < 0.8 else "{{/* a */}}"
        if pick < 0.76 and self.in_range:
            return self.wrap(self.random.choice(("break", "continue")))
        if pick < 0.84:
            return self.loop(depth)
        return self.branch(depth, self.random.choice(("if", "if", "with")))

    def declaration(self) -> str:
        if self.variables and self.random.random() < 0.4:
            return self.wrap(f"{self.random.choice(self.variables)} = {self.pipeline(2)}")
        name = f"${self.random.choice('xyzw')}"
        text = self.wrap(f"{name} := {self.pipeline(2)}")
        self.variables.append(name)
        return text

    def branch(self, depth: int, word: str) -> str:
        mark = len(self.variables)
        head = self.pipeline(2)
        if self.random.random() < 0.15:
            head = f"$v := {head}"
            self.variables.append("$v")
        out = self.wrap(f"{word} {head}") + self.body(depth - 1)
        if word == "if" and self.random.random() < 0.25:
            out += self.wrap(f"else if {self.pipeline(2)}") + self.body(depth - 1)
        if self.random.random() < 0.4:
            out += self.wrap("else") + self.body(depth - 1)
        del self.variables[mark:]
        return out + self.wrap("end")

    def loop(self, depth: int) -> str:
        mark = len(self.variables)
        source = (
            self.argument("l", 2)
            if self.random.random() < 0.8
            else self.random.choice((".a", ".deep", "$", '(split "," "a,b")'))
        )
        while source[0] in "'-0123456789" or source == "(len .l)":  # newer Go ranges over integers, and so do we
            source = ".l"
        names = self.random.choice(([], [], ["$e"], ["$i", "$e"]))
        head = f"{', '.join(names)} := {source}" if names else source
        self.variables.extend(names)
        self.in_range += 1
        out = self.wrap(f"range {head}") + self.body(depth - 1)
        self.in_range -= 1
        if self.random.random() < 0.2:
            out += self.wrap("else") + self.body(depth - 1)
        del self.variables[mark:]
        return out + self.wrap("end")

    def template(self) -> str:
        self.variables = []
        out = "".join(self.statement(2) for _ in range(self.random.randrange(1, 5)))
        if self.random.random() < 0.08:
            self.variables = []
            self.in_range = 0
            name = self.random.choice(("x", "y", "tmpl"))
            out += f'{{{{define "{name}"}}}}{self.body(1)}{{{{end}}}}{{{{template "{self.random.choice((name, name, "q"))}" {self.path()}}}}}'
        if self.random.random() < 0.1:
            out = self.damaged(out)
        return out

    def damaged(self, text: str) -> str:
        """Break a template a little."""
        for _ in range(self.random.randrange(1, 3)):
            at = self.random.randrange(len(text) + 1)
            pick = self.random.random()
            if pick < 0.45:
                text = text[:at] + text[at + self.random.randrange(1, 4) :]
            elif pick < 0.85:
                text = (
                    text[:at]
                    + self.random.choice(
                        (
                            "{{",
                            "}}",
                            "(",
                            ")",
                            '"',
                            "|",
                            " ",
                            ".",
                            "$x",
                            ":=",
                            "'",
                            "`",
                            "end",
                            ",",
                            "=",
                            "-",
                            "1x",
                            "é",
                            "nil",
                            "{{end}}",
                            "{{else}}",
                        )
                    )
                    + text[at:]
                )
            else:
                other = self.random.randrange(len(text) + 1)
                text = text[: min(at, other)] + text[max(at, other) :] if abs(at - other) < 30 else text
        return text

    def case(self) -> tuple[str, str]:
        """Make a template and its data."""
        self.in_range = 0
        pick = self.random.random()
        if pick < _SPECIAL:
            return Specials(self.random).template(), "null"
        if pick < _SPECIAL + _SYNTAX:
            syntax = Syntax(self.random)
            template = syntax.words() if self.random.random() < _WORDS_ONLY else syntax.template()
        elif pick < _SPECIAL + _SYNTAX + _FORMATS:
            template = Formats(self.random).template()
        else:
            template = self.template()
        return template, self.data()


def generate(seed: int, count: int, *, per_data: int = 1) -> list[tuple[str, str]]:
    """Make some cases, a few with the same data each."""
    generator = Generator(seed)
    cases: list[tuple[str, str]] = []
    data = ""
    for index in range(count):
        template, fresh = generator.case()
        data = data if index % per_data else fresh
        cases.append((template, data))
    return cases
