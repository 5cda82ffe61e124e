"""Templates that print: every verb, flag, width, precision and argument number, on operands of every kind."""

from random import Random

_VERBS = "vvvvvsssdddqqxXTtfegFEGcbobUO" + "abcdefghijklmnoqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" + "%%!é@ \n"
OPERANDS = (
    "0", "1", "-1", "7", "42", "-42", "65", "255", "-255", "1000000", "9223372036854775807", "-9223372036854775808", "0x1F600", "1114112", "'a'", "'é'", "'\\n'", "'\\x00'",
    "0.0", "1.0", "1.5", "-2.5", "0.1", "1e6", "1e20", "1e21", "1e22", "1e-5", "0.0001", "123456.789", "-1e-7", "1e300", "3.0e5", "2.5e15", "100.0",
    "(float64 `inf`)", "(float64 `-inf`)", "(float64 `nan`)", "(mulf -1 0.0)",
    '""', '"a"', '"hello"', '"é日本"', '"tab\\t\\"q\\""', '"`b`"', '"\\x00\\xff"', '"\\u2028"', '"😀"', '"a b"',
    "true", "false", "nil", "1i", "1.5i", "1+2i", "(int64 7)", "(int64 -7)", "(add 1 2)", "(index `az` 0)", "(index `é` 0)", "(len .l)", "(int `x`)",
    ".s", ".n", ".f", ".t", ".nul", ".missing", ".l", ".m", ".a", ".deep", ".big", ".e",
    "(list)", "(list 1 2 3)", '(list "a" "b")', "(list 1 `a` nil true 1.5)", "(list (list 1) (list))", '(list "é" "\\"")', "(until 3)", "(until 0)", '(splitList "," "a,b")', '(split "," "a,b")', "(regexFindAll `x` `y` -1)",
    "(dict)", '(dict "a" 1)', '(dict "b" "x" "a" nil "c" 1.5)', '(dict "k" (list 1 "z") "m" (dict "n" true))', "(chunk 2 (list 1 2 3))", "(rest (list))",
    '((toDate "2006-01-02" "2024-02-29").UTC)', '(toDate "2006-01-02T15:04:05Z07:00" "2024-02-29T12:30:45.5Z")', '(semver "1.2.3-beta+x")', '(toDate "x" "y")', "(toDate `2006` `2024`).Month",
    "(toDate `2006` `2024`).Weekday", "((toDate `2006` `2024`).Sub (toDate `2006` `2023`))", '(urlParse "http://u@h/p?q#f")', '(fromJson `[1,2.5,"x",null,{"a":1e9}]`)', "(fromJson `12345678`)",
)  # fmt: skip
_METHODS = ("Year", "Month", "Day", "Hour", "Minute", "Second", "Nanosecond", "YearDay", "Weekday", "Unix", "UnixNano", "UnixMilli", "UnixMicro", "String", "UTC", "Local", "IsZero", "GoString", "Major", "Minor", "Patch",
            "Prerelease", "Metadata", "Original", "Int64", "Float64", "Nope", "year", "major", "Date", "Clock", "ISOWeek", "IncMajor", "IncMinor", "IncPatch", "Hours", "Seconds", "Minutes", "Milliseconds", "Location", "IsDST", "wall", "a")  # fmt: skip
_CALLS = ('Format "2006"', "AddDate 1 2 3", "AddDate 1 2", 'AddDate 1 2 "x"', "Format 1", "Format", "Equal $t", "Before $t", "After $t", "Sub $t", "Add 1000000000", "Add 1.5", 'Add "1h"', "Truncate 3600000000000", "Round 1",
          "Compare $v", "Equal $v", "LessThan $v", "GreaterThan $v", 'SetPrerelease "x"', 'SetMetadata "y"', "Year 1", "Major 1", "String 1", "Nope 1", "Compare $t", "Equal 1", "Compare nil", "Equal nil", "In nil")  # fmt: skip


class Formats:
    """Makes templates from a source of randomness."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def operand(self) -> str:
        return self.random.choice(OPERANDS)

    def directive(self) -> str:
        pick = self.random.random
        flags = "".join(self.random.choices("+-# 0", k=self.random.choice((0, 0, 1, 1, 2, 3))))
        index = (
            self.random.choice(("[1]", "[2]", "[3]", "[0]", "[]", "[x]", "[1", "[-1]", "[99]", "[ 1]", "[1]2", "[2]*"))
            if pick() < 0.06
            else ""
        )
        width = self.random.choice(("1", "3", "5", "8", "12", "20", "*", "08", "+5", "100")) if pick() < 0.35 else ""
        precision = (
            self.random.choice((".", ".0", ".1", ".2", ".3", ".6", ".10", ".20", ".*", ".[1]*", ".-1", ".+2", "..2"))
            if pick() < 0.3
            else ""
        )
        late = self.random.choice(("[1]", "[2]", "[5]", "[")) if pick() < 0.04 else ""
        return f"%{flags}{index}{width}{precision}{late}{self.random.choice(_VERBS)}"

    def form(self) -> str:
        out = ""
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            out += self.random.choice(("", "", "|", "a", " ", "é", "\\n", "%%", "\\xff")) + self.directive()
        return out + self.random.choice(("", "", "", "|", "%", "%5", "%.", "%[1]", "%*"))

    def printing(self) -> str:
        name = self.random.choice(
            ("printf",) * 8
            + (
                "print",
                "println",
                "cat",
                "quote",
                "squote",
                "toString",
                "html",
                "js",
                "urlquery",
                "toJson",
                "toRawJson",
                "typeOf",
                "kindOf",
                "list",
                "toStrings",
            )
        )
        if name != "printf":
            few = (
                1
                if name in {"toString", "toJson", "toRawJson", "typeOf", "kindOf", "toStrings"}
                else self.random.randrange(4)
            )
            return f"{{{{{name} {' '.join(self.operand() for _ in range(few))}}}}}"
        args = [self.operand() for _ in range(self.random.choice((0, 1, 1, 1, 2, 2, 3)))]
        form = f'"{self.form()}"'
        if args and self.random.random() < 0.15:
            return f"{{{{{args[-1]} | printf {' '.join((form, *args[:-1]))}}}}}"
        return f"{{{{printf {' '.join((form, *args))}}}}}"

    def showing(self) -> str:
        return f"{{{{{self.operand()}}}}}"

    def comparing(self) -> str:
        name = self.random.choice(("eq", "ne", "lt", "le", "gt", "ge", "eq", "deepEqual", "and", "or", "not", "default", "coalesce", "ternary", "has", "index", "len", "empty", "all", "any", "add", "sub", "mul", "div", "mod",
                                   "max", "min", "maxf", "minf", "addf", "mulf", "int", "int64", "float64", "toDecimal", "ceil", "floor", "append", "first", "last", "rest", "initial", "reverse", "uniq", "without", "compact", "sortAlpha",
                                   "join `,`", "dict `k`", "get", "hasKey", "pluck `a`", "pick", "omit", "merge (dict)", "slice", "concat", "chunk 2", "date `2006-01-02`", "htmlDate", "duration",
                                   "durationRound", "ago", "unixEpoch", "typeIs `int`", "kindIs `map`", "deepCopy", "dig `a`", "round", "atoi", "splitList `,`", "substr 0", "trunc", "plural `a` `b`"))  # fmt: skip
        return f"{{{{{name} {' '.join(self.operand() for _ in range(self.random.choice((1, 1, 2, 2, 2, 3))))}}}}}"

    def method(self) -> str:
        start = self.random.choice(('$t := toDate "2006-01-02" "2024-02-29"', "$t := toDate `2006-01-02T15:04:05.000Z07:00` `1969-07-20T20:17:40.250-04:00`", '$t := semver "1.2.3-beta.1+build"', "$t := .n", "$t := .s", "$t := .a", "$t := .l", "$t := (toDate `2006` `2000`).Month",
                                    "$t := nil", "$t := 1", "$t := 1.5", "$t := true", "$t := .missing", "$t := .nul", '$t := dict "Year" 1 "a" (dict "b" 2)', "$t := .f", "$t := (toDate `2006` `2000`).Sub (toDate `2006` `1999`)"))  # fmt: skip
        name = self.random.choice(_METHODS)
        if self.random.random() < 0.4:
            return f'{{{{{start}}}}}{{{{$v := semver "1.2.2"}}}}{{{{$t.{self.random.choice(_CALLS)}}}}}'
        chain = self.random.choice(("", "", f".{self.random.choice(_METHODS)}", ".a.b"))
        return f"{{{{{start}}}}}{{{{{self.random.choice(('$t', '($t)', '($t | default nil)'))}.{name}{chain}}}}}"

    def template(self) -> str:
        """Make a template."""
        pick = self.random.random()
        if pick < 0.55:
            return self.printing()
        if pick < 0.65:
            return self.showing()
        return self.comparing() if pick < 0.88 else self.method()
