"""Templates about the language itself: literals, operands, chains, blocks, markers, and every way to get them wrong."""

from random import Random

_INTEGERS = ("0", "1", "-1", "+1", "7", "007", "08", "0b101", "0B1", "0b12", "0b", "0o17", "0O7", "0o8", "0x1F", "0XaB", "0x", "0xg", "1_000", "1__0", "_1", "1_",
             "0_7", "0x_1", "-0", "+0", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
             "18446744073709551615", "18446744073709551616", "0xFFFFFFFFFFFFFFFF", "0x10000000000000000", "-0x1", "00", "0_", "1a", "12abc", "1é")  # fmt: skip
_FLOATS = ("1.5", ".5", "5.", "-.5", "+.5", "1e3", "1E3", "1e+3", "1e-3", "1e", "1e+", "1.5e300", "1e309", "-1e309", "1e-400", "0.1e1_0", "1_0.2_5", "1e1_2", "1_e1", "1e_1",
           "0x1p4", "0x1.8p1", "0x.8p0", "0x1P-2", "0x1p", "0x1.8", "0x1.p1", "1p4", "0b1p1", "0o7e1", "1.2.3", "1..2", "0.0", "-0.0", "100000000000000000000.0", "1e20",
           "1e21", "123456789.0", "0x1e3", "0x1.8e1", "1.e2", "09.5", "0e0", "1_.5", "1._5", "0.1", "1e6", "1e5", "0.0001", "0.00001", "3.0")  # fmt: skip
_COMPLEX = ("1i", "0i", "1.5i", "-2i", "1+2i", "1-2i", "1.5e1+2i", "1+0i", "1e3i", "0x1i", "1+2", "1+i", "i", "1+2ii", "0b1i", "017i", "1_0i", "1i+2", "-1-1i", "+1+1i", "1+-2i", "1++2i", "0x1p2i", "0o7i")  # fmt: skip
_CHARS = ("'a'", "'é'", "'日'", "'\\n'", "'\\x41'", "'\\101'", "'\\u00e9'", "'\\U0001F600'", "'\\''", "'\"'", "'\\\"'", "'\\\\'", "'\\q'", "''", "'ab'", "'", "'\\x4'", "'\\ud800'", "'\\400'", "'\\0'", "'\\000'", "'\\xff'", "' '", "'\t'", "'\n'", "'a")  # fmt: skip
_TEXTS = ('""', '"a"', '"a b"', '"é日本"', '"\\n\\t\\r\\a\\b\\f\\v"', '"\\x41\\101\\u00e9\\U0001F600"', '"\\""', "\"'\"", '"\\\'"', '"\\q"', '"\\x4"', '"\\ud800"', '"\\xff\\xfe"', '"a\\xc3"',
          '"\n"', '"a', "`a`", "`a\nb`", "`a\\n`", "``", "`a", "`\"'`", '"{{"', '"}}"', "`{{.a}}`", '"%d %s"', '"<a&b>"', '"\\u2028"', '"\t"', '"\\\n"', '"😀"', '"\\400"', "`\r\n`", '"\\000\\x01"')  # fmt: skip
_GOOD = ("0", "1", "-1", "+1", "7", "007", "0b101", "0o17", "0x1F", "1_000", "1.5", ".5", "5.", "1e3", "0x1p4", "0x1.8p1", "1e1_2", "0.1", "100000000000000000000.0", "1e21", "3.0", "1i", "1+2i", "'a'", "'é'", "'\\n'", "'\\x41'",
         "'\\u00e9'", '""', '"a"', '"a b"', '"é日本"', '"\\n\\t"', '"\\x41\\101\\u00e9"', '"\\xff\\xfe"', "`a\nb`", "`{{.a}}`", '"%d %s"', '"<a&b>"', "true", "false", "true", '"a"', "1", "2")  # fmt: skip
_NAMES = ("print", "printf", "println", "len", "index", "slice", "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "html", "js", "urlquery", "call",
          "upper", "list", "dict", "default", "nope", "Print", "quote", "toJson", "add", "break", "continue", "é", "_x", "x1", "if", "end", "define", "template", "nil", "true")  # fmt: skip
_FIELDS = (".a", ".b", ".s", ".n", ".l", ".m", ".t", ".nul", ".missing", ".deep", ".A", ".é", "._x", ".x1", ".1", ".a-b", ".a b", "..", ". ", ".if", ".nil", ".é日", ".a!", ".$", ".a\u00a0", ".ª", ".a²", ".٣")  # fmt: skip
_VARIABLES = ("$", "$x", "$y", "$é", "$1", "$x1", "$_", "$nope", "$.a", "$.s", "$x.a", "$x.a.b", "$ .a", "$x .a", "$-", "$$", "$x$y", "$x!")  # fmt: skip
_PUNCTUATION = ("|", "||", "(", ")", "()", ",", ":=", "=", ":", "==", ".", " ", "  ", "\t", "\n", "\r\n", "-", "+", "*", "/", "!", "@", "#", "%", "^", "&", "{", "}", "[", "]", ";", "?", "~", "<", ">", "\\",
                "\x00", "\x01", "\x7f", "\u00a0", "\u2028", "\ufeff", "é", "😀", "/*", "*/", "/* a */", "{{", "}}", "- ", " -", "--", "-}", "{{-", "-}}")  # fmt: skip
_COMMENTS = ("{{/* a */}}", "{{- /* a */ -}}", "{{/* a */ -}}", "{{- /* a */}}", "{{/**/}}", "{{/* a\nb */}}", "{{ /* a */ }}", "{{/* a */ }}", "{{/* a }}", "{{/* a */", "{{-/* a */}}", "{{/* */ */}}",
             "{{- /* a */-}}", "{{/* {{.a}} */}}", "{{/* a */.b}}", "{{print /* a */ 1}}", "{{/* a */\n-}}", "{{-\n/* a */\n-}}", "{{/*}}*/}}", "{{ - /* a */}}")  # fmt: skip
_LEFTS = (
    "{{",
    "{{",
    "{{",
    "{{",
    "{{",
    "{{ ",
    "{{- ",
    "{{-\n",
    "{{-\t",
    "{{-",
    "{{\n",
    "{{  ",
    "{{-  ",
    "{{-\r\n",
    "{{ - ",
)
_RIGHTS = (
    "}}",
    "}}",
    "}}",
    "}}",
    "}}",
    " }}",
    " -}}",
    "\n-}}",
    "-}}",
    "\n}}",
    "\t-}}",
    "  }}",
    "  -}}",
    " - }}",
    "\r\n-}}",
)
_BETWEEN = ("", "", " ", "\n", " \n ", "a", " a ", "\ta\n", "é", "}}", "}", "{", "a{b", "\r\n", "a\r\nb", "-", "- ", "\u00a0", "\v", "{ {", "line\n  more\n\n")  # fmt: skip
_BLOCKS = (
    "if",
    "with",
    "range",
    "else",
    "else if",
    "else with",
    "else range",
    "end",
    "break",
    "continue",
    "define",
    "template",
    "block",
)
_TEMPLATES = (
    '"x"',
    '"y"',
    '"z"',
    '"tmpl"',
    "`x`",
    '"\\x78"',
    '""',
    "x",
    ".x",
    '"a b"',
    '"é"',
    '"x',
    "1",
    "'x'",
    "$x",
    "(print `x`)",
    "nil",
)
_LOOPS = ("$i, $e := .l", "$e := .l", "$k, $v := .a", ".l", ".a", ".m", ".missing", ".nul", ".s", ".n", "$i, $e, $f := .l", "$i , $e := .l", "$i,$e:=.l", "$i, := .l", "$i := $e := .l", "$i, $e = .l", "$e = .l",
          "$x = .l", "$x, $y = .l", "$i, 1 := .l", "(list 1 2)", "(list)", "(dict `b` 1 `a` 2)", '"abc"', "true", "1.5", "nil", "(split `,` `a,b`)", "$.l", "$x", "", "$i $e := .l", "(until 3)", "$x, .l", ". ", "$", "now")  # fmt: skip


class Syntax:
    """Makes templates from a source of randomness."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.wild = False  # whether anything goes; otherwise most of what is made can be parsed

    def pick(self, *choices: tuple[str, ...]) -> str:
        return self.random.choice(self.random.choice(choices))

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    # What is inside an action.

    def literal(self) -> str:
        if self.wild:
            return self.pick(_INTEGERS, _FLOATS, _COMPLEX, _CHARS, _TEXTS, ("true", "false", "nil", "1", '"a"'))
        return self.pick(_GOOD)

    def operand(self, depth: int) -> str:
        pick = self.random.random()
        if pick < 0.3:
            return self.literal()
        if pick < 0.45:
            return self.random.choice(
                (".a", ".s", ".n", ".l", ".m", ".t", ".nul", ".missing", ".deep.a", ".a.b", ".", "$", "$.s")
            )
        if pick < 0.6:
            fields = _FIELDS if self.wild else _FIELDS[:14]
            return "".join(self.random.choices(fields, k=self.random.choice((1, 1, 2, 3))))
        if pick < 0.7:
            return self.random.choice(_VARIABLES if self.wild else ("$", "$x", "$y", "$.a", "$x.a", "$.deep.a"))
        if depth <= 0 or pick < 0.75:
            return self.random.choice(_NAMES if self.wild else _NAMES[:23])
        inner = f"({self.pipeline(depth - 1)})"
        if not self.wild:
            return inner + self.random.choice(("", "", "", ".a", ".a.b", ".Year"))
        return inner + self.random.choice(
            ("", "", "", ".a", ".a.b", " .a", ".1", "..", "()", ".A", "$x", '"a"', ".Year", ".String", ".Major")
        )

    def command(self, depth: int) -> str:
        pick = self.random.random()
        if pick < 0.35:
            return self.operand(depth)
        name = self.random.choice(_NAMES[:23]) if pick < 0.97 else self.operand(depth)
        args = [self.operand(depth) for _ in range(self.random.choice((0, 1, 1, 1, 2, 2, 3)))]
        return self.random.choice((" ", " ", " ", " ", "  ", "\n", "\t")).join((name, *args))

    def pipeline(self, depth: int) -> str:
        mark = self.random.choice((" | ", " | ", " | ", "|", "\n| ", " || " if self.wild else " | ", " |"))
        stages = [self.command(depth)]
        for _ in range(self.random.choice((0, 0, 0, 1, 1, 2))):
            name = self.random.choice(
                (
                    "print",
                    "printf `%v|%v`",
                    "len",
                    "eq 1",
                    "not",
                    "upper",
                    "default 1",
                    "and .t",
                    "or .nul",
                    "index .l",
                    "html",
                    "list 1",
                    ".a",
                    "$x",
                    "(print 1)",
                    "lt 1",
                    "js",
                )
            )
            stages.append(self.command(depth) if self.wild else name)
        return mark.join(stages)

    def soup(self) -> str:
        kinds = (
            _PUNCTUATION,
            _PUNCTUATION,
            _FIELDS,
            _VARIABLES,
            _NAMES,
            _INTEGERS,
            _FLOATS,
            _CHARS,
            _TEXTS,
            (" ", " ", " "),
        )
        return "".join(self.pick(*kinds) for _ in range(self.random.randrange(1, 6)))

    def content(self) -> str:
        pick = self.random.random()
        if self.wild and pick < 0.12:
            return self.soup()
        if pick < 0.27:
            return self.declaration()
        text = self.pipeline(2)
        if self.wild and pick < 0.32:
            at = self.random.randrange(len(text) + 1)
            text = text[:at] + self.random.choice(_PUNCTUATION) + text[at:]
        return text

    def declaration(self) -> str:
        if not self.wild:
            return f"{self.random.choice(('$x', '$y'))} {self.random.choice((':=', ':=', '='))} {self.pipeline(1)}"
        name = self.random.choice(("$x", "$x", "$x", "$y", "$y", *_VARIABLES, "x", ".a", "$x, $y", "$x, $y, $z"))
        return f"{name}{self.random.choice((' := ', ' := ', ' := ', ':=', ' = ', ' = ', ' : = ', ' == ', ' :=', ''))}{self.random.choice((self.literal(), self.operand(1), self.pipeline(1), ''))}"

    def action(self, content: str) -> str:
        if self.chance(0.6 if self.wild else 0.9):
            return "{{" + content + "}}"
        if not self.wild:
            return self.random.choice(_LEFTS[:8]) + content + self.random.choice(_RIGHTS[:8])
        return self.random.choice(_LEFTS) + content + self.random.choice(_RIGHTS)

    # Blocks.

    def body(self, depth: int) -> str:
        return "".join(self.item(depth) + self.random.choice(_BETWEEN) for _ in range(self.random.choice((0, 1, 1, 2))))

    def item(self, depth: int) -> str:
        pick = self.random.random()
        if depth <= 0 or pick < 0.4:
            return self.action(self.content())
        if pick < 0.45:
            return self.random.choice(_COMMENTS if self.wild else _COMMENTS[:6])
        if self.wild and pick < 0.5:
            word = self.random.choice(_BLOCKS)
            return self.action(word + self.random.choice(("", "", " ", " .a", ' "x"', ' "x" .', " $x := 1", "1")))
        if pick < 0.62:
            return self.named(depth)
        if pick < 0.8:
            return self.loop(depth)
        return self.branch(depth, self.random.choice(("if", "if", "with")))

    def end(self) -> str:
        return (
            self.action("end")
            if not self.wild or self.chance(0.97)
            else self.random.choice(("", "{{end .}}", "{{end end}}", "{{end 1}}", "{{ end}}{{end}}", "{{end|print}}"))
        )

    def otherwise(self, depth: int, word: str) -> str:
        out = ""
        while (self.wild or word == "if") and self.chance(0.3):
            out += self.action(f"else {word} {self.condition()}") + self.body(depth - 1)
        if self.chance(0.35):
            out += self.action("else") + self.body(depth - 1)
        if self.wild and self.chance(0.03):
            out += self.action("else") + self.body(depth - 1)
        return out

    def condition(self) -> str:
        pick = self.random.random()
        if pick < 0.5:
            return self.random.choice(
                (
                    ".a",
                    ".s",
                    ".t",
                    ".nul",
                    ".missing",
                    "true",
                    "false",
                    "0",
                    "1",
                    '""',
                    "(list)",
                    ".l",
                    ".deep.a",
                    "not .t",
                    "eq .s `a`",
                    "$x := .a",
                    "$x := 1",
                    "$y := .nul",
                    "$x = .s",
                    ".n",
                    "nil" if self.wild else ".b",
                )
            )
        return self.content()

    def branch(self, depth: int, word: str) -> str:
        other = "if" if word == "if" or (self.wild and self.chance(0.8)) else word
        return (
            self.action(f"{word} {self.condition()}") + self.body(depth - 1) + self.otherwise(depth, other) + self.end()
        )

    def loop(self, depth: int) -> str:
        loops = _LOOPS if self.wild else _LOOPS[:10]
        head = self.random.choice(loops) if self.chance(0.8) else self.content()
        jump: str = self.random.choice(("", "", "{{break}}", "{{continue}}", "{{if .}}{{break}}{{end}}", "{{if eq $x 1}}{{continue}}{{end}}", "{{ break }}", "{{with .}}{{continue}}{{end}}x", "{{range .}}{{break}}{{end}}y", '{{template "x" .}}', *(("{{break 1}}", "{{break|print}}") if self.wild else ())))  # fmt: skip
        known = [name for name in ("$i", "$e") if name in head] if not self.wild else ["$i", "$e"]
        shown: str = self.random.choice(
            ["{{.}}", "{{.}},", "{{$x}}", "{{.a}}", "{{$.s}}", "", *(f"{{{{{name}}}}}" for name in known * 3)]
        )
        other = self.otherwise(depth, self.random.choice(("if", "range"))) if self.chance(0.2) else ""
        return self.action(f"range {head}") + shown + jump + self.body(depth - 1) + other + self.end()

    def named(self, depth: int) -> str:
        word = self.random.choice(("define", "define", "template", "template", "template", "block"))
        name = (
            self.random.choice(_TEMPLATES[:3]) if not self.wild or self.chance(0.85) else self.random.choice(_TEMPLATES)
        )
        argument = self.random.choice(
            (
                "",
                " .",
                " .a",
                " $",
                " $x",
                " .l",
                ' "s"',
                " 1",
                " (dict `a` 1)",
                " .missing",
                " .a | print",
                " print .a",
                " $x := .a",
                *((" . .", " nil") if self.wild else ()),
            )
        )
        if word == "block" and not self.wild:
            argument = argument or " ."
        if word == "template":
            return self.action(f"template {name}{argument}")
        if word == "define":
            argument = "" if not self.wild or self.chance(0.97) else argument
        return self.action(f"{word} {name}{argument}") + self.body(depth - 1) + self.end()

    def template(self) -> str:
        """Make a template."""
        self.wild = self.chance(0.3)
        out = self.random.choice(('{{$x := 1}}{{$y := "y"}}', "{{$x := .a}}{{$y := .l}}", "{{$x := .s}}{{$y := .m}}"))
        out += self.random.choice(("", "", "", '{{define "x"}}[{{.}}]{{end}}', '{{define "x"}}{{.a.b.c}}{{end}}{{define "y"}}{{template "x" .}}{{end}}',
                                  '{{define "y"}}\n  {{index .l 9}}{{end}}', '{{define "x"}}{{range .l}}{{if .}}{{.}}{{end}}{{end}}{{end}}'))  # fmt: skip
        for _ in range(self.random.choice((1, 1, 2, 2, 3, 4))):
            out += self.random.choice(_BETWEEN) + self.item(2)
        return out + self.random.choice(_BETWEEN)

    def words(self) -> str:
        """Make a template of one short action, mostly a wrong one."""
        self.wild = True
        return (
            self.random.choice(("", "", "a", "\n", "x\n\ny "))
            + self.action(self.content())
            + self.random.choice(("", "", "b"))
        )
