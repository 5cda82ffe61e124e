"""Templates written by hand, by subject; all are rendered with the same document."""

DATA = (
    '{"a":{"b":"x","c":{"d":"deep","n":7}},"s":"Hello World","e":"","u":"h\\u00e9llo \\u65e5\\u672c","n":3,"f":1.50,'
    '"x":1e3,"neg":-2,"zero":0,"big":12345678901234567890,"t":true,"no":false,"nul":null,"l":["a","b","c"],'
    '"m":[1,2.5,"x",true,null,{"k":"v"},["in"]],"empty":[],"em":{},"nums":[3,1,2],'
    '"deep":{"l":[{"name":"n1","v":1},{"name":"n2","v":null},{"name":"n3"}],"null":null},'
    '"html":"<a href=\\"x\\">&\'","lines":"one\\ntwo\\nthree","json":"{\\"k\\": [1, 2.5, \\"s\\", null, true, 12345678]}",'
    '"key-dash":"dash","date":"2024-02-29T13:04:05Z","dup":["a","b","a","c","b"],"dict":{"z":1,"y":"two","x":[3]}}'
)

LANGUAGE = """
plain text
{{.s}}
{{.a.b}}
{{.a.c.d}}
{{.missing}}
{{.missing.deeper.still}}
{{.nul}}
{{.nul.x}}
{{.s.x}}
{{.n.x}}
{{.l.x}}
{{.t.x}}
{{.a.c.d.e}}
{{.n}} {{.f}} {{.x}} {{.neg}} {{.big}} {{.zero}}
{{.t}} {{.no}}
{{.l}} {{.m}} {{.em}} {{.empty}} {{.a}}
{{.}}
{{$}}
{{$.s}}
{{$.a.b}}
{{/* comment */}}x
{{- /* comment */ -}} x
a {{- "b" -}} c
a {{- 3 -}} c
a{{-3}}b
a {{"b" -}}   c
  {{- "x"}} \n
{{"quoted \\"string\\" \\t tab"}}
{{`raw \\n string`}}
{{"\\u00e9\\x41\\101\\U0001F600"}}
{{'a'}} {{'\\n'}} {{'é'}} {{'\\''}}
{{1}} {{-1}} {{+1}} {{0x1F}} {{0b101}} {{0o17}} {{017}} {{1_000}}
{{1.5}} {{1e3}} {{.5}} {{1e-7}} {{123456789.0}} {{1e21}} {{100000.0}} {{1000000.0}}
{{1i}} {{1+2i}} {{0x1p4}}
{{true}} {{false}}
{{nil}}
{{nil | print}}
{{9223372036854775807}}
{{9223372036854775808}}
{{18446744073709551615}}
{{99999999999999999999}}
{{1e400}}
{{"a" | print "b"}}
{{"a" | print "b" | print "c"}}
{{print 1 2 3}}
{{print "a" "b" 1 2 "c"}}
{{print nil}}
{{print}}
{{println "a" 1}}
{{println}}
{{(print "x")}}
{{((1))}}
{{(.a).b}}
{{(.a).c.d}}
{{(index .l 0)}}
{{(index .deep.l 0).name}}
{{(index .l 0).name}}
{{.a.b 1}}
{{.a 1}}
{{.missing 1}}
{{1 | .a}}
{{1 | .missing}}
{{1 2}}
{{"a" "b"}}
{{true 1}}
{{(1) 2}}
{{. 1}}
{{$ 1}}
{{1 | 2}}
{{1 | "x"}}
{{1 | (2)}}
{{1 | $}}
{{.s | (.a)}}
{{$x := 1}}{{$x}}
{{$x := .a}}{{$x.b}}
{{$x := .a.b}}{{$x.c}}
{{$x := .nul}}{{$x}}{{$x.y}}
{{$x := .missing}}{{$x}}{{$x.y}}
{{$x := 1}}{{$x = 2}}{{$x}}
{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}
{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}
{{$x = 1}}
{{$x}}
{{$x, $y := 1}}
{{$x := 1 | print}}{{$x}}
{{with $x := 5}}{{$x}}{{.}}{{end}}
{{with $x := .missing}}a{{else}}b{{$x}}{{end}}
{{with .a}}{{.b}}{{$.s}}{{end}}
{{with .nul}}a{{else}}b{{.s}}{{end}}
{{with .a.b}}{{.x}}{{end}}
{{with .s}}{{.}}{{end}}
{{with .s}}{{.x}}{{end}}
{{if .s}}a{{end}}
{{if .e}}a{{else}}b{{end}}
{{if .zero}}a{{else}}b{{end}}
{{if 0}}a{{else}}b{{end}}
{{if 0.0}}a{{else}}b{{end}}
{{if ""}}a{{else if .missing}}b{{else if .t}}c{{else}}d{{end}}
{{if .no}}a{{else if .nul}}b{{else}}c{{end}}
{{if .empty}}a{{else}}b{{end}}{{if .em}}a{{else}}b{{end}}{{if .l}}a{{end}}
{{if $x := .s}}{{$x}}{{end}}
{{if not .s}}a{{else}}b{{end}}
{{if and .s .t}}a{{end}}{{if or .e .no}}b{{else}}c{{end}}
{{and 1 0 2}} {{and 1 2}} {{or 0 "" "x"}} {{or 0 ""}} {{and}}
{{or}}
{{and .missing .nope.x}} {{or .t (index .l 10)}}
{{and .t (index .l 10)}}
{{1 | and 2}} {{0 | or 0}} {{1 | or 2}}
{{.nul | and .t}} {{and .t .nul}} {{or .no .nul}}
{{not 1}} {{not 0}} {{not .missing}} {{not nil}}
{{not}}
{{not 1 2}}
{{range .l}}{{.}},{{end}}
{{range $i, $e := .l}}{{$i}}={{$e}};{{end}}
{{range $e := .l}}{{$e}};{{end}}
{{range $k, $v := .dict}}{{$k}}={{$v}};{{end}}
{{range .dict}}{{.}};{{end}}
{{range .empty}}a{{else}}empty{{end}}
{{range .em}}a{{else}}empty{{end}}
{{range .missing}}a{{else}}none{{end}}
{{range .nul}}a{{else}}none{{end}}
{{range .s}}a{{end}}
{{range .n}}a{{end}}
{{range .t}}a{{end}}
{{range 1.5}}a{{end}}
{{range $i, $e := .m}}{{$i}}:{{$e}} {{end}}
{{range .m}}{{.x}}{{end}}
{{range .nums}}{{.x}}{{end}}
{{range $e := .nums}}{{$e.x}}{{end}}
{{range $i, $e := .nums}}{{$i.x}}{{end}}
{{range .deep.l}}{{.name}}={{.v}} {{end}}
{{range .deep.l}}{{.v.w}} {{end}}
{{range .l}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}
{{range .l}}{{if eq . "b"}}{{continue}}{{end}}{{.}}{{end}}
{{range .l}}{{range $.l}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}|{{end}}
{{range .l}}{{with .}}{{if eq . "b"}}{{continue}}{{end}}{{.}}{{end}}{{.}}{{end}}
{{range $i, $e := .l}}{{$x := $e}}{{$x}}{{end}}
{{$x := 0}}{{range .l}}{{$x = .}}{{end}}{{$x}}
{{$i := 0}}{{$e := 0}}{{range $i, $e = .l}}{{$i}}{{$e}}{{end}}{{$i}}{{$e}}
{{range $i, $e := .missing}}a{{else}}{{$i}}{{$e}}{{end}}
{{range splitList "," "a,b"}}{{.x}}{{end}}
{{range $e := splitList "," "a,b"}}{{$e.x}}{{end}}
{{range (split "," "a,b")}}{{.x}}{{end}}
{{(split "," "a,b")._0}} {{(split "," "a,b")._0.x}}
{{break}}
{{continue}}
{{range .l}}{{template "x"}}{{end}}{{define "x"}}{{break}}{{end}}
{{define "x"}}[{{.}}]{{end}}{{template "x" .s}}{{template "x"}}
{{define "x"}}{{.a.b}}{{$.s}}{{end}}{{template "x" .}}
{{define "x"}}{{.y}}{{end}}{{template "x" .s}}
{{define "x"}}{{.y.z}}{{end}}{{template "x" .nul}}
{{template "nope"}}
{{template "nope" .}}
{{template}}
{{template x}}
{{template "x" 1 2}}{{define "x"}}{{end}}
{{block "b" .a}}{{.b}}{{end}}
{{block "b" .a}}{{.b}}{{end}}{{define "b"}}other{{end}}
{{define "b"}}other{{end}}{{block "b" .a}}{{.b}}{{end}}
{{define "x"}}a{{end}}{{define "x"}}b{{end}}
{{define "x"}} {{end}}{{define "x"}}b{{end}}{{template "x"}}
{{define "tmpl"}}inner{{end}}
{{define "x"}}{{if .}}{{len .}}{{template "x" (rest .)}}{{end}}{{end}}{{template "x" .l}}
{{define "x"}}
{{define x}}{{end}}
{{define "x" 1}}{{end}}
{{if .s}}
{{if}}a{{end}}
{{else}}
{{end}}
{{if .s}}a{{else}}b{{else}}c{{end}}
{{range}}{{end}}
{{with}}{{end}}
{{range .l}}{{else if .s}}{{end}}
{{if .s}}{{else with .s}}{{end}}
{{}}
{{ }}
{{.s
{{.s}
{{.s }}}}
{{"abc
{{'a
{{`abc
{{/* abc
{{/* abc */ x}}
{{.s $}}
{{nofunc}}
{{nofunc .s}}
{{.s | nofunc}}
{{.s |}}
{{| .s}}
{{.s || .t}}
{{(.s}}
{{.s)}}
{{()}}
{{.a..b}}
{{.a.}}
{{. a}}
{{.1a}}
{{$x.y}}
{{$x := }}
{{$x := 1 2}}
{{:= 1}}
{{= 1}}
{{,}}
{{.s, .t}}
{{@}}
{{é}}
{{.é}}
{{.s é}}
{{#}}
{{1x}}
{{0x}}
{{1.2.3}}
{{1..2}}
{{'ab'}}
{{''}}
{{"\\z"}}
{{"\\x4"}}
{{true.x}}
{{"a".x}}
{{1.x}}
{{nil.x}}
{{(nil).x}}
{{..x}}
{{print.x}}
{{list.x}}
{{dict.x}}
{{now.x}}
{{if .s}}a
b
{{.s
x}}
{{
.s}}
{{.s
}}
{{"a"
"b"}}
a
b {{.s.x}}
a
{{if .s}}
  {{.l.x}}
{{end}}
{{print 1 | print 2 | print 3}}
{{printf "%s" .s | printf "%s-%s" "a"}}
{{.s | upper | lower | title}}
{{.n | upper}}
{{upper .n}}
{{upper 1}}
{{upper true}}
{{upper nil}}
{{upper .missing}}
{{upper .nul}}
{{upper .l}}
{{upper}}
{{upper "a" "b"}}
{{"a" | upper "b"}}
{{.missing | upper}}
{{.nul | upper}}
{{trunc "a" "b"}}
{{trunc 1.5 "b"}}
{{trunc 1.0 "bcd"}}
{{trunc .n "b"}}
{{trunc 1 2}}
{{repeat 2 "ab"}}
{{replace "a" "b"}}
{{.n | replace "a" "b"}}
{{.s | replace "a" .n}}
{{.s | replace (print "o") (.a.b)}}
{{.n | replace (print "o") (.a.b)}}
{{.n | replace (and "o" "p") (or "" "q")}}
{{.n | replace "o" (or "" "q")}}
{{.n | replace (or "" "q") .a.b}}
{{get .a "b"}} {{get .a "zz"}} {{get .s "b"}}
{{get "x" "b"}}
{{get .missing "b"}}|
{{get .nul "b"}}
{{get nil "b"}}|
{{len .s}} {{len .u}} {{len .l}} {{len .em}} {{len .n}}
{{len .missing}}
{{len .nul}}
{{len nil}}
{{len 3}}
{{len true}}
{{index .l 0}} {{index .a "b"}} {{index .m 5 "k"}} {{index .l}}
{{index .l 3}}
{{index .l 4}}
{{index .l -1}}
{{index .l "a"}}
{{index .l .n}}
{{index .l nil}}
{{index .l 1.5}}
{{index .a 1}}
{{index .a nil}}
{{index .a "zz"}} {{index .a .n}}
{{index .missing 1}}
{{index .nul 1}}
{{index nil 1}}
{{index .s 1}} {{index .u 1}}
{{index .s 100}}
{{index .n 0}}
{{index 3 0}}
{{index .deep "null" "x"}}
{{index .deep "zz" "x"}}
{{index .a.c "n"}}
{{slice .l 1}} {{slice .l 1 2}} {{slice .l}}
{{slice .s 1}}
{{slice .l 2 1}}
{{slice .l 1 10}}
{{call .s}}
{{call .missing}}
{{call nil}}
{{html .html}} {{html 1 "a"}} {{html .missing}} {{html}}
{{js .html}} {{js "a\\nb" "\\u00e9"}} {{js 1}} {{js "=&'\\\\"}}
{{urlquery "a b&c=d/é"}} {{urlquery 1 2}} {{urlquery .missing}}
{{eq 1 1}} {{eq 1 2}} {{eq "a" "a"}} {{eq 1 2 1}} {{eq true true}} {{eq 1.5 1.5}}
{{eq 1 1.0}}
{{eq "a" 1}}
{{eq .n 3}}
{{eq .n "3"}} {{eq .f "1.50"}}
{{eq .n .n}}
{{eq .missing 1}} {{eq .nul nil}} {{eq .missing nil}} {{eq .s nil}}
{{eq .l .l}}
{{eq .l 1}}
{{eq .l nil}}
{{eq .a .l}}
{{eq .em .missing}}
{{eq 1}}
{{eq}}
{{eq 1 "a" 1}}
{{eq "a" "b" 1}}
{{ne 1 2}} {{ne "a" "a"}} {{ne .missing .nul}}
{{ne 1}}
{{ne 1 2 3}}
{{lt 1 2}} {{lt 2 1}} {{lt "a" "b"}} {{lt 1.5 2.5}} {{le 1 1}} {{gt 2 1}} {{ge 1 1}} {{le 1 0}} {{gt 1 1}} {{ge 0 1}}
{{lt 1 "a"}}
{{lt true false}}
{{le true true}}
{{gt .l .l}}
{{lt .missing 1}}
{{lt nil 1}}
{{lt .n 4}}
{{lt .n "4"}}
{{ge 1 1.5}}
{{lt 'a' 98}}
{{eq (index "a" 0) 97}} {{lt (index "a" 0) 98}} {{eq 97 (index "a" 0)}} {{lt -1 (index "a" 0)}}
{{eq 1i 1i}} {{lt 1i 2i}}
{{.key-dash}}
{{index . "key-dash"}}
{{.n.String}} {{.n.Int64}} {{.f.Float64}}
{{.f.Int64}}
{{.x.Float64}}
{{(1)}}{{("a")}}
{{((.a).c).d}}
{{(.a.c).n}}
{{(.missing).x}}
{{(.nul).x}}
{{(.s).x}}
{{(print "x").y}}
{{(dict "a" (dict "b" 1)).a.b}}
{{(dict "a" nil).a.b}}
{{(dict "a" 1).a.b}}
{{(list 1).x}}
{{with dict "a" 1}}{{.a}}{{.b}}{{end}}
{{with list 1 2}}{{range .}}{{.}}{{.x}}{{end}}{{end}}
{{range list 1 "a" nil}}{{.}}{{end}}
{{range list nil}}{{.x}}{{end}}
{{$d := dict "k" nil}}{{$d.k.z}}
{{$a := "x"}}{{define "t"}}{{$a}}{{end}}
{{template "t" $x := 1}}{{define "t"}}{{.}}{{end}}
{{template "t" ($y := 1)}}{{define "t"}}{{.}}{{end}}{{$y}}
{{print ($z := 4)}}{{$z}}
{{if ($z := 4)}}{{$z}}{{end}}
{{with .a}}{{with .c}}{{.d}}{{end}}{{.b}}{{end}}
{{with .a}}{{range $.l}}{{.}}{{$.s}}{{end}}{{end}}
{{range .l}}{{$.n}}{{end}}
{{range $i, $_ := .l}}{{$i}}{{end}}
{{range $i, $i := .l}}{{$i}}{{end}}
{{range $i := .l}}{{end}}{{$i}}
{{with $i := .l}}{{end}}{{$i}}
{{if $i := .l}}{{end}}{{$i}}
{{define "x"}}{{end}}{{template "x"}}
{{template "x" .}}{{define "x"}}{{range .l}}{{.}}{{end}}{{end}}
{{block "x"}}{{end}}
{{block "x" .}}
{{block x .}}{{end}}
{{define "a"}}{{template "b" .}}{{end}}{{define "b"}}{{.s}}{{.nul.x}}{{end}}{{template "a" .}}
""".strip("\n").split("\n")

MULTILINE = [
    "line one\nline two {{.nul.x}}",
    "é{{.nul.x}}",
    "日本\né {{.nul.x}}",
    "{{if .s}}\n\t{{.nul.x}}\n{{end}}",
    "a\n\n{{- .s -}}\n\nb",
    "{{range .l}}\n  {{.}}\n{{end}}",
    "{{range .l -}}\n  {{.}}\n{{- end}}",
    '{{define "x"}}\n{{.nul.x}}\n{{end}}\n{{template "x" .}}',
    "\n{{\n.s\n|\nupper\n}}",
    "\n\n{{.s",
    "\n\n{{.s\n\n",
    "\n{{if .s}}\n\n",
    "\n{{`a\nb`}}{{",
    "\n{{`a\nb`}}{{.nul.x}}",
    "{{/* a\nb */}}{{.nul.x}}",
    "{{/* a\nb */}}{{nope}}",
    "a{{/* x */ -}}\n\n b",
    '{{"a\n"}}',
    '{{print "a"\n(print "b"\n}}',
    "{{range .l}}{{.}}\n{{end}}\n{{end}}",
    "{{if .s}}\n{{else}}\n{{else}}\n{{end}}",
    "x {{-\n.s}}",
    "x {{.s -\n}}",
    "{{.s\t|\r\n upper}}",
    "a\r\n{{- .s}}\r\n",
    "{{- .s -}}\n{{- .s -}}",
    "{{  /* not a comment */ }}",
    "{{-/* c */-}}",
    "{{- /* c */-}}",
    "{{-   /* c */ -}}x",
    '{{define "a"}}1{{end}} {{define "b"}}2{{end}} {{template "a"}}{{template "b"}}',
    "{{ .s }}{{ .s}}{{.s }}",
    "{{{.s}}}",
    "{ {.s} }",
    "}}{{.s}}",
    "{{.s}}}}",
    '{{"{{"}}{{"}}"}}',
    "",
    " ",
]

PRINTF = """
%d|3
%d|-3
%5d|42
%-5d|42
%05d|42
%+d|42
% d|42
%x|255
%X|255
%#x|255
%o|8
%#o|8
%O|8
%b|5
%#b|5
%c|65
%q|65
%U|8364
%#U|8364
%08b|5
%.5d|42
%8.5d|42
%-8.5d|42
%+.3d|7
%.0d|0
%5.0d|0
%v|42
%+v|42
%#v|42
%s|42
%t|42
%f|42
%e|42
%d|1.5
%f|1.5
%.2f|3.14159
%8.3f|3.14159
%-8.3f|3.14159
%08.3f|-3.14159
%+f|1.5
% f|1.5
%e|123456.789
%E|123456.789
%g|123456.789
%G|1e-10
%g|1e21
%g|100000.0
%g|1000000.0
%.3g|123456.789
%.10g|123456.789
%#g|1.0
%#.3g|1.0
%#v|1.0
%v|1.0
%v|1e6
%v|1e20
%v|1e-5
%v|0.0001
%v|123456789.5
%6.2f|1.005
%x|1.5
%X|1.5
%.3x|3.14159
%b|1.5
%s|1.5
%q|1.5
%T|1.5
%t|true
%v|true
%5t|true
%-7t|false
%d|true
%s|true
%q|true
%s|"abc"
%10s|"abc"
%-10s|"abc"
%.2s|"abc"
%10.2s|"abc"
%q|"a\\"b\\n"
%+q|"é日"
%#q|"abc"
%#q|"a`c"
%x|"hello"
%X|"hello"
% x|"hello"
%#x|"hello"
%# x|"hello"
%.3x|"hello"
%20x|"hello"
%-20x|"hello"
%x|""
%5x|""
%d|"abc"
%f|"abc"
%t|"abc"
%c|"abc"
%v|"abc"
%+v|"abc"
%#v|"abc"
%T|"abc"
%p|"abc"
%z|"abc"
%!|"abc"
%|"abc"
%%|"abc"
%%
100%
%
%d
%s %s|"a"
%s|"a" "b"
%[2]s %[1]s|"a" "b"
%[1]s %[1]s|"a"
%[3]s|"a"
%[x]s|"a"
%[1]|"a"
%[|"a"
%[1]s %s|"a" "b"
%[0]s|"a"
%[-1]s|"a"
%[]s|"a"
%*d|5 42
%-*d|5 42
%*d|-5 42
%*d|"a" 42
%.*f|2 3.14159
%.*f|-2 3.14159
%.*d|"a" 42
%*.*f|8 2 3.14159
%[2]*[1]d|42 5
%[1]*d|5 42
%d %d|1 2 3
%v|nil
%s|nil
%d|nil
%T|nil
%5v|nil
%v %v|nil nil
%v|.l
%s|.l
%q|.l
%d|.l
%x|.l
%T|.l
%#v|.l
%+v|.m
%v|.m
%d|.m
%s|.m
%#v|.m
%v|.a
%s|.a
%q|.a
%#v|.a
%+v|.a
%T|.a
%5v|.l
%v|.n
%s|.n
%d|.n
%q|.n
%x|.n
%T|.n
%#v|.n
%f|.n
%5s|.n
%05v|.n
%v|.f
%.1f|.f
%v|.missing
%s|.missing
%d|.missing
%v|.nul
%v|.t
%v|.empty
%#v|.empty
%v|.em
%#v|.em
%v|(list 1 2.5 "x" nil true)
%d|(list 1 2.5 "x" nil true)
%s|(list 1 2.5 "x" nil true)
%#v|(list 1 2.5 "x" nil true)
%x|(list 10 255 "hi")
%5d|(list 1 2)
%05.1f|(list 1.5 2.5)
%v|(dict "b" 1 "a" (list 1 2))
%#v|(dict "b" 1 "a" (list 1 2))
%d|(dict "b" 1 "a" "x")
%v|(splitList "," "a,b")
%q|(splitList "," "a,b")
%#v|(splitList "," "a,b")
%d|(splitList "," "a,b")
%v|(until 3)
%03d|(until 3)
%#v|(until 3)
%s|(until 3)
%v|(split "," "a,b")
%#v|(split "," "a,b")
%T|(split "," "a,b")
%T|(until 3)
%T|(list)
%T|(dict)
%T|(splitList "," "a")
%T|(chunk 1 (list 1))
%v|(chunk 2 (list 1 2 3))
%T|(int64 1)
%T|(index "a" 0)
%T|1i
%v|1i
%v|1+2i
%.2f|1+2i
%d|1i
%s|1i
%v|(index "a" 0)
%x|(index "a" 0)
%#v|(index "a" 0)
%c|(index "a" 0)
%v|(semver "1.2.3")
%s|(semver "v1.2.3-beta+x")
%T|(semver "1.2.3")
%d|(semver "1.2.3")
%#x|-255
%+x|255
%x|-255
%08x|-255
%#08x|255
%-08d|42
%+05d|42
% 05d|42
%010.3d|42
%c|-1
%c|1114112
%q|1114112
%U|-1
%5c|65
%-5c|65
%5q|65
%+q|233
%#q|65
%é|1
%-010s|"abc"
%010s|"abc"
%1000001d|1
%999999999999d|1
%.1000001d|1
%.|1.5
%.f|1.5
%5.f|1.5
%+.2e|12345.678
%+.0e|12345.678
%#.0e|12345.678
%#.0f|1.0
%#f|1.5
%#e|1.5
%012.4e|-1.5
%+012.4e|1.5
%v|(float64 "NaN")
%f|(float64 "Inf")
%5.1f|(float64 "-Inf")
%+f|(float64 "NaN")
%05f|(float64 "Inf")
% f|(float64 "NaN")
%d|(float64 "NaN")
%v|(toDate "2006-01-02" "2024-03-04")
%s|(toDate "2006-01-02" "2024-03-04")
%q|(toDate "2006-01-02" "2024-03-04")
%T|(toDate "2006-01-02" "2024-03-04")
%v|(list (toDate "2006-01-02" "2024-03-04"))
%.10s|(toDate "2006-01-02" "2024-03-04")
%v|(fromJson .json)
%d|(fromJson .json)
%w|"a"
%v %w|1 2
%10v|(list 1 "a")
%-10v||"x"
%.3v|"abcdef"
%.3v|3.14159
%.3v|(list "abcdef" 3.14159)
%t|(list true false "x")
%6.2f%%|12.345
%s|.u
%q|.u
%+q|.u
%x|.u
%.6s|.u
%10.3s||.u
%c%c|72 105
%U %#U|72 128512
%q|128512
%+q|128512
%q|0
%q|127
%q|"\\x00\\x7f\\u2028\\ufeff"
%q|"\\xff\\xfe"
%s|"\\xff\\xfe"
%x|"\\xff\\xfe"
%v|"\\xff"
""".strip("\n").split("\n")

SPRIG_STRINGS = """
{{trim "  a b \\n\\t"}}|{{trimAll "xy" "xyaxy"}}|{{trimall "-" "--a--"}}|{{trimSuffix "b" "ab"}}|{{trimPrefix "a" "ab"}}
{{trimAll "" " a "}}|{{trimAll "é" "éaé"}}
{{upper "abé"}} {{lower "ABÉ"}} {{title "hello wORLD foo_bar x-y"}} {{untitle "Hello World"}}
{{upper "ß"}} {{lower "İ"}} {{title "ǆ ß"}} {{upper "ŉ"}} {{lower "ΑΣ"}}
{{repeat 3 "ab"}} {{repeat 0 "x"}}
{{repeat -1 "x"}}
{{substr 0 2 "hello"}} {{substr 1 3 "hello"}} {{substr -1 2 "hello"}} {{substr 2 -1 "hello"}} {{substr 2 100 "hello"}}
{{substr 3 1 "hello"}}
{{substr 10 12 "hello"}}
{{substr 10 -1 "hello"}}
{{substr -1 10 "hello"}}
{{substr -1 -1 "hello"}}
{{trunc 3 "hello"}} {{trunc -3 "hello"}} {{trunc 10 "hello"}} {{trunc -10 "hello"}} {{trunc 0 "hello"}} {{trunc 2 "é"}} {{trunc 1 "é"}}
{{contains "ell" "hello"}} {{contains "" "x"}} {{hasPrefix "he" "hello"}} {{hasSuffix "lo" "hello"}}
{{quote "a\\"b" 1 nil true}} {{squote "a'b" 1 nil}} {{quote}} {{quote .n .f .l}} {{quote .missing}}|{{squote .n "é\\n"}}
{{cat "a" 1 nil "b"}} {{cat}} {{cat .n .missing .l}}
{{indent 2 "a\\nb"}}|{{nindent 2 "a\\nb"}}|{{indent 0 "a"}}|{{"a\\nb" | indent 3}}
{{indent -1 "a"}}
{{replace "a" "b" "banana"}} {{replace "" "-" "abc"}} {{replace "x" "" "axbx"}}
{{plural "one" "many" 1}} {{plural "one" "many" 2}} {{plural "one" "many" 0}}
{{plural "one" "many" .n}}
{{snakecase "FirstName"}} {{snakecase "HTTPServer"}} {{snakecase "No-Space foo"}} {{snakecase "a1B2c3"}} {{snakecase ""}}
{{camelcase "http_server"}} {{camelcase "no_https"}} {{camelcase "_complex__case_"}} {{camelcase "some-words go"}} {{camelcase "__"}} {{camelcase "a"}} {{camelcase "-a"}} {{camelcase "AB_CD"}}
{{kebabcase "FirstName"}} {{kebabcase "HTTPServer2Go"}} {{kebabcase "Foo99Bar"}} {{kebabcase "9lives x"}} {{kebabcase "A.B,C"}} {{kebabcase "a!!b"}}
{{snakecase "ID3v2Tag"}} {{snakecase "ipv4Address"}} {{snakecase "XMLHttpRequest"}} {{snakecase "a__b"}} {{snakecase "é1Éa"}} {{snakecase "1a"}} {{snakecase "A1"}} {{snakecase "a1 b"}} {{snakecase "99x"}} {{snakecase "ab-cd"}} {{snakecase "日本Go"}}
{{swapcase "Hello World aB"}} {{swapcase "éÉ x"}}
{{initials "First Try"}} {{initials "  a bc  d"}} {{initials "éa b"}} {{nospace " a b\\tc\\n"}} {{nospace "é b"}}
{{wrap 5 "hello world foo"}}|{{wrap 80 "short"}}|{{wrap 3 "abcdef gh"}}|{{wrapWith 5 "-" "helloworldfoo bar"}}|{{wrapWith 3 "" "ab cdefg"}}|{{wrap 0 "a b"}}|{{wrap 5 ""}}
{{abbrev 5 "hello world"}} {{abbrev 3 "hello"}} {{abbrev 20 "hello"}} {{abbrevboth 5 10 "1234 5678 9123"}} {{abbrevboth 1 10 "1234 5678 9123 4567"}} {{abbrevboth 5 5 "abcdefghijkl"}} {{abbrevboth 8 9 "abcdefghijklmnop"}}
{{splitList "," "a,b,c"}} {{splitList "" "aé"}} {{splitList "," ""}} {{len (splitList "," "")}} {{(splitn "," 2 "a,b,c")._1}} {{split "$" "a$b"}} {{splitn "," 0 "a,b"}} {{splitn "," -1 "a,b"}} {{splitn "" 2 "abc"}}
{{join "," .l}} {{join "-" (list 1 nil "x" 2.5)}} {{join "," "abc"}} {{join "," .missing}}| {{join "," .n}} {{join ", " .m}} {{join "" (until 3)}} {{join "," .a}}
{{sortAlpha (list "b" "a" 3 1)}} {{sortAlpha "x"}} {{sortAlpha .nums}} {{sortAlpha .missing}} {{.l | sortAlpha | join ","}}
{{toString 1}} {{toString .n}} {{toString nil}} {{toString .missing}} {{toString (list 1)}} {{toStrings (list 1 "a" nil 2.5)}} {{toStrings 3}} {{toStrings nil}}
{{atoi "12"}} {{atoi "x"}} {{atoi "-5"}} {{atoi "+5"}} {{atoi "99999999999999999999"}} {{atoi "1_0"}} {{atoi " 1"}} {{atoi ""}} {{atoi "-99999999999999999999"}}
{{fail "oops"}}
{{fail (printf "%d bad" 3)}}
{{hello}}
{{"hello" | trunc 3 | upper | repeat 2 | quote}}
{{trunc 3}}
{{contains "a"}}
{{.s | hasPrefix "Hello" | ternary "y" "n"}}
{{len (b64dec "/////w==")}} {{b64dec "/////w=="}}
{{slice (splitList "" .u) 0 2}} {{substr 0 2 .u}} {{substr 1 3 .u}}{{substr 0 3 .u}}
{{print (substr 1 2 "é") "x"}} {{print (substr 0 1 "é") (substr 1 2 "é")}} {{len (print (substr 0 1 "é") (substr 1 2 "é"))}}
{{printf "%q" (substr 1 2 "é")}} {{substr 1 2 "é" | quote}} {{substr 1 2 "é" | toJson}} {{substr 1 2 "é" | b64enc}} {{substr 1 2 "é" | upper}}
""".strip("\n").split("\n")

SPRIG_LISTS = """
{{list 1 "a" nil}} {{list}} {{tuple 1 2}} {{len (list)}} {{list | toJson}}
{{first .l}} {{last .l}} {{rest .l}} {{initial .l}} {{first .empty}} {{last .empty}} {{rest .empty}} {{initial .empty}} {{rest .empty | toJson}}
{{first .s}}
{{first .missing}}
{{first .n}}
{{last .a}}
{{rest 1}}
{{initial true}}
{{mustFirst .s}}
{{append .l "d"}} {{prepend .l "z"}} {{push .l 1}} {{append .l nil}} {{append .empty .l}} {{mustAppend .l 1}} {{mustPrepend .l 1}}
{{append .s 1}}
{{prepend .n 1}}
{{append .missing 1}}
{{append nil 1}}
{{concat .l .nums}} {{concat}} {{concat .l}} {{concat .l (until 2) (splitList "," "x,y")}} {{concat .empty | toJson}}
{{concat .l "x"}}
{{concat .l nil}}
{{reverse .l}} {{reverse .empty}} {{reverse (until 3)}}
{{reverse .s}}
{{uniq .dup}} {{uniq (list 1 1.0 "1" 1)}} {{uniq .nums}} {{uniq (list (list 1) (list 1))}}
{{without .dup "a"}} {{without .dup "a" "b" "c"}} {{without .nums 1}} {{without (list 1 2 3) 1 3}} {{without .l}}
{{has "a" .l}} {{has "z" .l}} {{has 1 .nums}} {{has 1 (list 1 2)}} {{has 1 .missing}} {{has nil .m}} {{has 1 nil}}
{{has "a" .s}}
{{has .n (list .n)}} {{has "3" .nums}} {{has (index .nums 0) .nums}}
{{slice .l 1}} {{slice .l 1 2}} {{slice .l 0 0}} {{slice .empty 1}} {{slice (list 1 2 3) 1 | toJson}} {{slice (until 4) 1 3}} {{slice .l "1"}} {{slice .l .zero 2}}
{{slice .l 5}}
{{slice .l -1}}
{{slice .s 1}}
{{mustSlice .l 1}}
{{compact .m}} {{compact (list 0 1 "" "a" nil false true (list) (dict))}} {{compact .nums}} {{compact (list 0.0 0.5)}}
{{chunk 2 .dup}} {{chunk 3 .l}} {{chunk 2 .empty}} {{chunk 10 .l}} {{len (chunk 1 .l)}} {{chunk 2 .l | toJson}}
{{chunk 0 .l}}
{{chunk -1 .l}}
{{until 5}} {{until 0}} {{until -3}} {{untilStep 0 10 3}} {{untilStep 10 0 -3}} {{untilStep 0 10 0}} {{untilStep 0 10 -1}} {{untilStep 5 5 1}} {{untilStep 10 0 1}}
{{seq 5}}|{{seq -3}}|{{seq 2 5}}|{{seq 5 2}}|{{seq 0 2 10}}|{{seq 10 -2 0}}|{{seq 0 -2 10}}|{{seq 10 2 0}}|{{seq}}|{{seq 1 2 3 4}}|{{seq 0}}|{{seq 1}}|{{seq 1 1}}|{{seq 1 5 3}}
{{range until 3}}{{.}},{{end}} {{range $i, $e := until 3}}{{$i}}{{$e}}{{end}}
{{index (list 1 2 3) 1}} {{index (until 3) 2}} {{index (chunk 2 .l) 0 1}}
{{join "," (reverse .l)}} {{first (reverse .l)}} {{last (initial .l)}} {{.l | rest | first}}
{{all 1 2 0}} {{all}} {{all 1 "a"}} {{any 0 "" 1}} {{any}} {{any 0 nil}} {{all .n .zero}} {{any .zero}}
{{deepEqual .l .l}} {{deepEqual (list 1) (list 1)}} {{deepEqual .n 3}} {{deepEqual "a" "a"}} {{deepEqual nil nil}} {{deepEqual (list) (rest (list))}} {{deepEqual (dict "a" 1) (dict "a" 1)}} {{deepEqual 1 1.0}} {{deepEqual .missing nil}}
{{$l := list 1 2}}{{$m := append $l 3}}{{$l}}{{$m}}
{{$l := splitList "," "c,a,b"}}{{sortAlpha $l}}{{$l}}
{{$l := list "c" "a"}}{{sortAlpha $l}}{{$l}}
{{toStrings .m}} {{toStrings .nums}} {{.nums | toStrings | sortAlpha | join "-"}}
""".strip("\n").split("\n")

SPRIG_DICTS = """
{{dict "a" 1 "b" 2}} {{dict}} {{dict "a"}} {{dict 1 2}} {{dict "a" 1 "a" 2}} {{dict nil 1}} {{dict .n .l}} {{dict (list 1) 2}}
{{get .a "b"}} {{get .a "missing"}}| {{get (dict "a" nil) "a"}} {{get .deep "null"}}
{{$d := dict "a" 1}}{{$_ := set $d "b" 2}}{{$d}}
{{$d := dict "a" 1}}{{set $d "a" 3}}{{$d}}
{{$_ := set .a "new" "y"}}{{.a.new}}{{.a}}
{{$_ := unset .a "b"}}{{.a}}
{{$d := dict "a" 1 "b" 2}}{{unset $d "a"}}{{$d}}{{unset $d "zz"}}
{{set .missing "a" 1}}
{{set nil "a" 1}}
{{set .nul "a" 1}}
{{set .s "a" 1}}
{{unset .missing "a"}}
{{hasKey .a "b"}} {{hasKey .a "z"}} {{hasKey .missing "z"}} {{hasKey .deep "null"}}
{{hasKey .l "b"}}
{{hasKey .s "b"}}
{{hasKey (split "," "a") "_0"}}
{{keys .dict | sortAlpha}} {{keys .em}} {{keys .dict .a | sortAlpha}} {{keys}} {{keys .missing}}
{{values (dict "a" 1)}} {{values .em}} {{values .missing}}
{{pick .dict "x" "q"}} {{omit .dict "x"}} {{pick .dict}} {{omit .dict}} {{pick .missing "x"}} {{omit .missing "x"}}
{{pluck "name" (index .deep.l 0) (index .deep.l 1)}} {{pluck "q" .a}} {{pluck "b" .a .missing}}
{{pluck "a" 1}}
{{merge (dict "a" 1) (dict "a" 2 "b" 3)}} {{mergeOverwrite (dict "a" 1) (dict "a" 2 "b" 3)}}
{{merge (dict "a" (dict "b" 1)) (dict "a" (dict "b" 2 "c" 3))}} {{mergeOverwrite (dict "a" (dict "b" 1)) (dict "a" (dict "b" 2 "c" 3))}}
{{merge (dict "a" "") (dict "a" "x")}} {{merge (dict "a" 0) (dict "a" 5)}} {{merge (dict "a" nil) (dict "a" 5)}} {{merge (dict "a" false) (dict "a" true)}} {{mergeOverwrite (dict "a" 1) (dict "a" 0)}} {{mergeOverwrite (dict "a" 1) (dict "a" "")}}
{{mergeOverwrite (dict "a" 1) (dict "a" nil)}} {{merge (dict "a" 1) (dict "a" nil "b" nil)}} {{mergeOverwrite (dict) (dict "a" nil)}}
{{merge (dict "a" (list 1)) (dict "a" (list 2))}} {{mergeOverwrite (dict "a" (list 1)) (dict "a" (list 2))}} {{merge (dict "a" (list)) (dict "a" (list 2))}} {{mergeOverwrite (dict "a" (list 1)) (dict "a" (list))}}
{{merge (dict "a" 1) (dict "a" (dict "b" 1))}} {{mergeOverwrite (dict "a" 1) (dict "a" (dict "b" 1))}} {{merge (dict "a" (dict "b" 1)) (dict "a" 1)}} {{mergeOverwrite (dict "a" (dict "b" 1)) (dict "a" 1)}}
{{merge (dict "a" "") (dict "a" (dict "b" 1))}} {{merge (dict "a" (dict)) (dict "a" (dict "b" 1))}} {{merge (dict "a" nil) (dict "a" (dict "b" 1))}} {{merge (dict "a" (dict)) (dict "a" (dict))}}
{{merge (dict) (dict "a" 1) (dict "a" 2 "b" 3)}} {{mergeOverwrite (dict) (dict "a" 1) (dict "a" 2 "b" 3)}} {{merge (dict "a" 1)}} {{merge .missing (dict "a" 1)}} {{merge (dict "a" 1) .missing}}
{{mustMerge (dict "a" 1) (dict "b" 2)}} {{mustMergeOverwrite (dict "a" 1) (dict "a" 2)}}
{{merge .s (dict)}}
{{$d := dict "a" 1}}{{$_ := merge $d .a}}{{$d.b}}{{$d.c.d}}
{{dig "c" "d" "default" .a}} {{dig "c" "zz" "default" .a}} {{dig "q" "zz" "default" .a}} {{dig "b" "d" .a}}
{{dig "b" "zz" "default" .a}}
{{dig "b" .a}}
{{dig "b" "d" .s}}
{{dig 1 "d" .a}}
{{dig "b" "d" .missing}}
{{dig "null" "x" "d" .deep}}
{{deepCopy .a}} {{$d := deepCopy .a}}{{$_ := set $d "b" "changed"}}{{.a.b}}{{$d.b}} {{deepCopy .l}} {{mustDeepCopy .m}}
{{$d := dict "a" (dict "b" 1)}}{{$e := deepCopy $d}}{{$_ := set $e.a "b" 2}}{{$d}}{{$e}}
{{range $k, $v := dict "b" 1 "a" 2}}{{$k}}{{$v}}{{end}}
{{index (dict "a" 1) "a"}} {{(dict "a" 1).a}} {{len (dict "a" 1)}}
{{with dict "x" (dict "y" "z")}}{{.x.y}}{{end}}
{{$d := dict}}{{range $i, $e := .l}}{{$_ := set $d $e $i}}{{end}}{{$d}}
{{toJson (merge (dict "k" (dict "a" 1)) (dict "k" (dict "b" (list 1 2))))}}
""".strip("\n").split("\n")

SPRIG_NUMBERS = """
{{add 1 2 3}} {{add}} {{add 1.9 "2"}} {{add .n 1}} {{add1 5}} {{add1 .n}} {{sub 5 3}} {{sub .n 1}} {{mul 2 3 4}} {{mul .f 2}} {{div 7 2}} {{div -7 2}} {{mod 7 3}} {{mod -7 3}} {{mod 7 -3}}
{{div 1 0}}
{{mod 1 0}}
{{add "x" 1}} {{add nil 1}} {{add true 1}} {{add "0x10" 1}} {{add "010" 1}} {{add "1.0" 1}} {{add "1.5" 1}} {{add "1_000" 1}} {{add .l 1}} {{add "1e3" 1}} {{add .x 1}} {{add .f 1}} {{add .big 1}} {{add "10.00" 1}} {{add "0b11" 0}} {{add "-5" 0}} {{add "" 0}}
{{add 9223372036854775807 1}} {{mul 9223372036854775807 2}} {{sub -9223372036854775807 10}} {{add1 9223372036854775807}}
{{max 1 5 3}} {{min 4 2 8}} {{max 1}} {{biggest 1 2}} {{max "3" 2}} {{min .n 1}} {{max}}
{{maxf 1.5 2 0.5}} {{minf 1.5 2 0.5}} {{maxf .f .n}}
{{ceil 1.2}} {{floor 1.8}} {{ceil -1.2}} {{floor -1.2}} {{round 1.2345 2}} {{round 1.5 0}} {{round 2.5 0}} {{round -1.5 0}} {{round 123.4567 1 0.7}} {{ceil "1.1"}} {{floor .f}} {{round .f 1}} {{round 3 0}} {{round 1234.5 -2}} {{ceil -0.5}} {{round "x" 1}}
{{round 1.5 .n}}
{{addf 1.5 2.25}} {{addf 0.1 0.2}} {{subf 5 1.5}} {{subf 0.3 0.1}} {{mulf 1.1 1.1}} {{divf 10 4}} {{divf 1 3}} {{divf 10 3}} {{add1f 1.5}} {{addf}} {{addf .f "2.5"}} {{mulf 0.1 3}} {{divf 2 3}} {{divf -1 3}} {{subf 1 0.9}}
{{divf 1 0}}
{{addf "x" 1}} {{addf 1e20 1}} {{addf 1e21 1}} {{mulf 1e200 1e200}} {{addf 100000 1}} {{addf 1000000 1}}
{{int 3.7}} {{int "42"}} {{int "x"}} {{int .n}} {{int .f}} {{int true}} {{int nil}} {{int64 "9"}} {{int64 .big}} {{int 1e30}} {{int -3.9}} {{int "3.0"}} {{int "3.5"}} {{int "0o17"}}
{{float64 3}} {{float64 "2.5"}} {{float64 .f}} {{float64 "x"}} {{float64 .x}} {{float64 true}} {{float64 nil}} {{float64 "1e3"}} {{float64 "0x10"}} {{float64 "1e400"}} {{float64 .l}} {{float64 .big}}
{{toDecimal "777"}} {{toDecimal 777}} {{toDecimal "9"}} {{toDecimal .n}} {{toDecimal -17}} {{toDecimal "x"}}
{{eq (int64 3) 3}} {{eq (int .n) 3}} {{lt (int .n) 4}} {{eq (float64 3) 3.0}} {{eq (add 1 2) 3}} {{gt (len .l) 2}}
{{printf "%d" (int .n)}} {{printf "%T %T %T" (add 1 2) (int 1) (float64 1)}} {{printf "%.2f" (divf 1 3)}} {{printf "%03d" (add .n 4)}}
{{int64 .n | add 2 | mul 3}} {{sub 10 .n | int}} {{mod .n 2}} {{div 7 .n}}
{{until (int .n)}} {{until (add 1 1)}}
{{until .n}}
{{repeat (int .n) "x"}} {{trunc (len .l) "abcdef"}}
{{repeat (int64 2) "x"}}
{{add (dict) 1}} {{float64 (dict)}} {{ceil nil}} {{max nil 1}}
{{1 | add 2}} {{"3" | atoi | add 1}} {{.n | int | add 1}}
""".strip("\n").split("\n")

SPRIG_OTHER = """
{{default "d" .s}} {{default "d" .e}} {{default "d" .missing}} {{default "d" .nul}} {{default "d" .zero}} {{default "d" 0}} {{default "d" .empty}} {{default "d" false}} {{default "d"}} {{.e | default "p"}} {{.n | default 5}} {{default 5 .em}} {{default "d" nil}} {{default nil nil}}
{{empty .s}} {{empty .e}} {{empty 0}} {{empty .zero}} {{empty nil}} {{empty .l}} {{empty .missing}} {{empty 0.0}} {{empty false}} {{empty (dict)}}
{{coalesce .e .nul "x"}} {{coalesce}} {{coalesce 0 "" nil}} {{coalesce .missing .n}}
{{ternary "a" "b" true}} {{ternary "a" "b" .no}} {{.t | ternary 1 2}} {{ternary nil 1 true}}
{{ternary "a" "b" .s}}
{{ternary "a" "b" 1}}
{{ternary "a" "b" .missing}}
{{ternary "a" "b" "x"}}
{{toJson .}}
{{toJson .a}} {{toJson .l}} {{toJson .m}} {{toJson .html}} {{toRawJson .html}} {{toJson nil}} {{toJson .missing}} {{toJson 1}} {{toJson 1.5}} {{toJson .f}} {{toJson .x}} {{toJson "é\\u2028\\u0001\\t\\n"}} {{toJson 1e21}} {{toJson 1e20}} {{toJson 0.0000001}} {{toJson 0.000001}} {{toJson true}} {{toJson (until 2)}} {{toJson .em}} {{toJson .empty}} {{toJson (index "a" 0)}} {{toJson 1.0}} {{toJson 'a'}}
{{toPrettyJson .a}} {{toPrettyJson .l}} {{toPrettyJson .em}} {{toPrettyJson (list)}} {{toPrettyJson (dict "a" (list) "b" (dict))}} {{toPrettyJson "<"}}
{{mustToJson .a}} {{mustToPrettyJson 1}} {{mustToRawJson "<>"}}
{{toJson 1i}}|{{toJson (float64 "NaN")}}|
{{mustToJson 1i}}
{{mustToJson (float64 "NaN")}}
{{toRawJson 1i}}
{{fromJson .json}} {{(fromJson .json).k}} {{fromJson "[1,2"}}| {{fromJson ""}} {{fromJson "1"}} {{fromJson "\\"x\\""}} {{fromJson "null"}} {{fromJson "12345678"}} {{fromJson "1e400"}} {{fromJson " [1] "}} {{fromJson "{\\"a\\":{\\"b\\":1}}"}}
{{mustFromJson "1.50"}} {{mustFromJson "[1]"}}
{{mustFromJson "[1"}}
{{mustFromJson ""}}
{{mustFromJson "x"}}
{{mustFromJson "1 2"}}
{{mustFromJson .n}}
{{fromJson .json | toJson}} {{printf "%T" (fromJson "1")}} {{eq (fromJson "1") 1.0}} {{index (fromJson .json) "k" 0}}
{{index (fromJson "[1]") 5}}
{{typeOf .s}} {{typeOf .n}} {{typeOf 1}} {{typeOf 1.5}} {{typeOf nil}} {{typeOf .l}} {{typeOf .a}} {{typeOf true}} {{typeOf .missing}} {{typeOf (until 1)}} {{typeOf (splitList "," "a")}} {{typeOf (int64 1)}} {{typeOf 1i}} {{typeOf 'a'}}
{{kindOf .s}} {{kindOf .n}} {{kindOf 1}} {{kindOf 1.5}} {{kindOf nil}} {{kindOf .l}} {{kindOf .a}} {{kindOf true}} {{kindOf .missing}} {{kindOf (semver "1.0.0")}} {{kindOf (toDate "2006" "2020")}}
{{typeIs "string" .s}} {{typeIs "int" 1}} {{typeIsLike "string" .s}} {{typeIsLike "semver.Version" (semver "1.0.0")}} {{typeIs "*semver.Version" (semver "1.0.0")}} {{kindIs "map" .a}} {{kindIs "slice" .l}} {{kindIs "string" .n}} {{typeIs "json.Number" .n}} {{kindIs "invalid" nil}}
{{b64enc "hello"}} {{b64dec "aGVsbG8="}} {{b64dec "x"}} {{b64dec "aGVsbG8"}} {{b64dec "aGV$bG8="}} {{b64enc ""}}|{{b64dec ""}}|{{b64dec "aGVs\\nbG8="}} {{b64dec "aGVsbG8=="}} {{b64dec "aGVsbG8=x"}} {{b64dec "aGVsb==="}} {{b64dec "===="}} {{b64dec "aG=s"}} {{b64dec "a"}} {{b64dec "ab"}} {{b64dec "abc"}} {{b64dec "ab="}} {{b64dec "=abc"}} {{b64dec "aGVsbG8-"}} {{b64dec "aGVsbG9="}}
{{b32enc "hello"}} {{b32dec "NBSWY3DP"}} {{b32dec "x"}} {{b32enc "a"}} {{b32dec "ME======"}} {{b32dec "ME"}} {{b32dec "ME====="}} {{b32dec "NBSWY3D="}} {{b32dec "nbswy3dp"}} {{b32dec ""}}|
{{sha1sum "hello"}} {{sha256sum "hello"}} {{adler32sum "hello"}} {{sha256sum ""}} {{adler32sum ""}} {{sha1sum "é"}}
{{base "/a/b.c"}} {{dir "/a/b.c"}} {{ext "/a/b.c"}} {{clean "/a/../b//c/."}} {{isAbs "/a"}} {{isAbs "a"}} {{base ""}} {{dir ""}} {{ext "a"}} {{clean ""}} {{base "/"}} {{dir "a"}} {{dir "/"}} {{clean "../../a"}} {{clean "/../a"}} {{ext ".bashrc"}} {{ext "a.b/c"}} {{base "a/b/"}} {{dir "a/b/"}}
{{osBase "/a/b.c"}} {{osDir "/a/b.c"}} {{osExt "/a/b.c"}} {{osClean "/a/../b"}} {{osIsAbs "/a"}}
{{semver "1.2.3"}} {{(semver "1.2.3-beta.1+build").Major}} {{(semver "1.2.3-beta.1+build").Prerelease}} {{(semver "1.2.3-beta.1+build").Metadata}} {{(semver "v1.2").Minor}} {{(semver "v1.2").Original}} {{semver "v2"}}
{{semver "x"}}
{{semver "1.2.3-01"}}
{{semver "99999999999999999999.0.0"}}
{{semverCompare "1.2.3" "1.2.3"}} {{semverCompare "^1.2.0" "1.3.0"}} {{semverCompare "~1.2" "1.2.9"}} {{semverCompare ">=1.0 <2.0" "1.5.0"}} {{semverCompare ">1.0 || <0.5" "0.1.0"}} {{semverCompare "1.x" "1.9.9"}} {{semverCompare "*" "5.0.0"}} {{semverCompare "1.2 - 1.4" "1.3.5"}} {{semverCompare "!=1.2.3" "1.2.4"}} {{semverCompare "^0.2.3" "0.2.9"}} {{semverCompare "^0.0.3" "0.0.4"}} {{semverCompare ">=1.0.0-0" "1.0.0-beta"}} {{semverCompare ">=1.0.0" "2.0.0-beta"}} {{semverCompare ">1" "2.0.0"}} {{semverCompare "<=1.1" "1.1.9"}} {{semverCompare "!=1.x" "2.0.0"}} {{semverCompare "" "1.0.0"}} {{semverCompare ">=1.2.3, <2" "1.9.0"}} {{semverCompare "~>2" "2.9.9"}} {{semverCompare "=<2" "1.0.0"}} {{semverCompare "1.2.3+a" "1.2.3+b"}}
{{semverCompare "x.y" "1.0.0"}}
{{semverCompare "1.0" "x"}}
{{semverCompare "abc" "1.0.0"}}
{{regexMatch "^h.*o$" "hello"}} {{regexMatch "(" "x"}} {{regexMatch "" ""}} {{regexMatch "(?i)HELLO" "hello"}} {{regexMatch "\\\\d+" "a1"}}
{{regexFind "l+" "hello"}} {{regexFind "z" "hello"}}| {{regexFindAll "l" "hello" -1}} {{regexFindAll "l" "hello" 1}} {{regexFindAll "z" "hello" -1}} {{regexFindAll "" "ab" -1}} {{regexFindAll "a*" "baaac" -1}} {{regexFindAll "z" "hello" -1 | toJson}} {{regexFindAll "l" "hello" 0}}
{{regexFind "(" "x"}}
{{mustRegexFind "(" "x"}}
{{regexFindAll "[a" "x" 1}}
{{mustRegexMatch "a**" "x"}}
{{mustRegexMatch "*" "x"}}
{{mustRegexMatch "\\\\" "x"}}
{{mustRegexMatch "(?P<n" "x"}}
{{mustRegexMatch "a{1001}" "x"}}
{{mustRegexMatch "[z-a]" "x"}}
{{mustRegexMatch "\\\\8" "x"}}
{{mustRegexMatch "(?<a>x)" "x"}}
{{mustRegexMatch "x)" "x"}}
{{mustRegexMatch "(?=x)" "x"}}
{{mustRegexMatch "\\\\pX" "x"}}
{{mustRegexMatch "[[:foo:]]" "x"}}
{{mustRegexMatch "a{2,1}" "x"}}
{{mustRegexMatch "(?z)" "x"}}
{{mustRegexMatch "a{,2}" "a{,2}"}} {{mustRegexMatch "a{" "a{"}} {{mustRegexMatch "]" "]"}} {{mustRegexMatch "\\\\pL" "é"}} {{mustRegexMatch "\\\\bé" "é"}} {{mustRegexMatch "(?s)a.b" "a\\nb"}} {{mustRegexMatch "a.b" "a\\nb"}} {{mustRegexMatch "^b" "a\\nb"}} {{mustRegexMatch "(?m)^b" "a\\nb"}} {{mustRegexMatch "\\\\x{e9}" "é"}} {{mustRegexMatch "\\\\Qa.b\\\\E" "a.b"}} {{mustRegexMatch "[^a]" "é"}} {{mustRegexMatch "\\\\z" ""}} {{mustRegexMatch "(?U)a+" "a"}} {{mustRegexMatch "[[:alpha:]]" "a"}} {{mustRegexMatch "\\\\C" "a"}}
{{regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W"}} {{regexReplaceAll "a(x*)b" "-ab-axxb-" "$1W"}} {{regexReplaceAll "(?P<n>x+)" "axxb" "<${n}>"}} {{regexReplaceAll "x" "axb" "$$"}} {{regexReplaceAll "x*" "abc" "-"}} {{regexReplaceAll "a" "bab" "$0$0"}} {{regexReplaceAll "(a)(b)?" "ac" "[$2]"}} {{regexReplaceAll "a" "bab" "${"}} {{regexReplaceAll "a" "bab" "$"}} {{regexReplaceAll "a" "bab" "$9"}} {{regexReplaceAll "é" "aéb" "x"}} {{regexReplaceAll "" "é" "-"}} {{regexReplaceAll "b*" "abba" "-"}} {{regexReplaceAll "$" "ab" "x"}} {{regexReplaceAll "^" "ab" "x"}}
{{regexReplaceAllLiteral "a(x*)b" "-ab-axxb-" "${1}"}} {{mustRegexReplaceAll "a" "bab" "x"}} {{mustRegexReplaceAllLiteral "a" "bab" "$1"}}
{{regexSplit "," "a,b,c" -1}} {{regexSplit "," "a,b,c" 2}} {{regexSplit "," "a,b,c" 0}} {{regexSplit "z+" "pizza" -1}} {{regexSplit "" "abc" -1}} {{regexSplit "," "" -1}} {{len (regexSplit "," "" -1)}} {{regexSplit "a*" "baac" -1}} {{regexSplit "," "," -1}} {{len (regexSplit "," "," -1)}} {{mustRegexSplit "," "a,b" -1}} {{regexSplit "" "" -1 | toJson}} {{regexSplit "," "a,b,c" 0 | toJson}} {{regexSplit "b" "abc" 1}}
{{regexQuoteMeta "1.2*3"}} {{regexQuoteMeta "a-b_c/é"}}
{{urlParse "http://user:pw@example.com:8080/p/a?q=1#frag"}} {{(urlParse "http://x/y").host}} {{urlParse "mailto:a@b"}} {{urlParse "/rel/path"}} {{urlParse ""}} {{urlParse "http://[::1]:80/x"}} {{urlParse "http://a/b%20c?d=e%20f#g%20h"}} {{urlParse "//host/path"}} {{urlParse "http://u@h/"}} {{urlParse "x:///y"}} {{urlParse "http://h?"}} {{urlParse "*"}} {{urlParse "HTTP://H/P"}} {{urlParse "http://h/a%2Fb"}}
{{urlParse ":x"}}
{{urlParse "http://a b/"}}
{{urlParse "http://h:port/"}}
{{urlParse "http://h/%zz"}}
{{urlParse "a:b:c"}} {{urlParse "1a:b"}}
{{urlParse "a b:c"}}
{{urlParse "http://[::1/"}}
{{urlParse "http://u<@h/"}}
{{urlParse "http://h/\\x01"}}
{{urlParse "http://h#%zz"}}
{{urlJoin (dict "scheme" "http" "host" "h:80" "path" "/p q" "query" "a=b" "fragment" "f g" "userinfo" "u:p")}} {{urlJoin (dict)}}| {{urlJoin (dict "host" "h" "path" "p")}} {{urlJoin (dict "scheme" "mailto" "opaque" "a@b")}} {{urlJoin (dict "path" "a:b")}} {{urlJoin (urlParse "http://u:p@h:1/a%20b?q#f")}} {{urlJoin (dict "scheme" "http")}} {{urlJoin (dict "scheme" "file" "path" "/x")}}
{{urlJoin (dict "host" 1)}}
{{urlJoin (dict "host" nil)}}
{{urlJoin (dict "userinfo" "a b")}}
{{date "2006-01-02" 0}} {{date "2006-01-02T15:04:05Z07:00" 1700000000}} {{htmlDate 86400}} {{dateInZone "15:04 MST -0700" 1700000000 "Europe/Paris"}} {{dateInZone "15:04 MST" 1720000000 "America/New_York"}} {{dateInZone "15:04 MST" 0 "Nowhere/Else"}} {{htmlDateInZone 0 "Asia/Tokyo"}} {{date_in_zone "15" 0 "UTC"}} {{date "Jan _2 2006 3:04PM Mon" (int64 1700000000)}} {{date "Monday January 2 06 03 pm .000 ,999 __2 002 _2006" 1700000000}} {{date "2006-01-02" -86400}} {{dateInZone "-07 -07:00 -0700 -070000 -07:00:00 Z07 Z07:00 Z0700 Z070000" 0 "Asia/Kolkata"}} {{dateInZone "Z07:00 Z0700 MST" 0 "UTC"}} {{date "Janx Monx Jan Mon" 0}} {{date "20060102150405" 0}} {{date "" 0}}|{{date "1 2 3 4 5 6 15 01 02 03 04 05 06" 0}} {{date "é %d {{" 0}}
{{toDate "2006-01-02" "2024-02-29"}} {{toDate "2006-01-02" "bad"}} {{toDate "2006-01-02T15:04:05Z07:00" .date}} {{toDate "2006-01-02T15:04:05Z07:00" "2024-01-02T03:04:05+02:00"}} {{toDate "2006-01-02 15:04:05.000" "2024-01-02 03:04:05.678"}} {{toDate "Jan 2 2006" "Mar 4 2024"}} {{toDate "3:04PM" "5:06PM"}} {{toDate "2006-01-02 MST" "2024-01-02 CET"}} {{toDate "2006-01-02 MST" "2024-01-02 UTC"}} {{toDate "2006 002" "2024 060"}} {{toDate "15:04:05" "01:02:03.5"}} {{toDate "Monday, January 2 06" "friday, MARCH 1 24"}} {{toDate "_2 Jan 2006" " 3 Feb 2020"}} {{toDate "2006-01-02 -0700" "2020-01-01 -0530"}} {{toDate "2006 MST" "2020 GMT+3"}}
{{mustToDate "2006-01-02" "bad"}}
{{mustToDate "2006-01-02" "2024-13-01"}}
{{mustToDate "2006-01-02" "2024-02-30"}}
{{mustToDate "2006-01-02" "2024-02-01x"}}
{{mustToDate "15:04" "25:00"}}
{{mustToDate "15:04:05" "12:61:00"}}
{{mustToDate "15:04:05" "12:01:60"}}
{{mustToDate "3PM" "13PM"}}
{{mustToDate "3PM" "3XM"}}
{{mustToDate "Jan" "Foo"}}
{{mustToDate "2006" "20"}}
{{mustToDate "06" "x1"}}
{{mustToDate "-0700" "x"}}
{{mustToDate "Z07:00" "+0530"}}
{{mustToDate "Z07:00" "*05:30"}}
{{mustToDate "MST" "ab"}}
{{mustToDate ".000" ".12"}}
{{mustToDate "002" "12"}}
{{mustToDate "2006 002" "2023 366"}}
{{mustToDate "a 2006" "b 2020"}}
{{mustToDate "2006-01-02" ""}}
{{mustToDate "\\"é" "x"}}
{{dateModify "1h30m" (toDate "2006-01-02" "2024-02-29")}} {{dateModify "-24h" (toDate "2006-01-02" "2024-03-01")}} {{dateModify "bad" (toDate "2006-01-02" "2024-03-01")}} {{date_modify "1.5s" (toDate "2006-01-02" "2024-03-01")}} {{mustDateModify "1ns" (toDate "2006-01-02" "2024-03-01")}} {{must_date_modify "1us1ms" (toDate "2006-01-02" "2024-03-01")}}
{{mustDateModify "1x" (toDate "2006" "2024")}}
{{mustDateModify "1" (toDate "2006" "2024")}}
{{mustDateModify "" (toDate "2006" "2024")}}
{{mustDateModify "x" (toDate "2006" "2024")}}
{{mustDateModify "9999999999999h" (toDate "2006" "2024")}}
{{dateModify "1h" "x"}}
{{dateModify "1h" .s}}
{{dateModify "1h" .missing}}
{{dateModify "1h" nil}}
{{unixEpoch (toDate "2006-01-02" "2024-02-29")}} {{(toDate "2006-01-02" "2024-02-29").Unix}} {{(toDate "2006-01-02" "2024-02-29").Year}} {{(toDate "2006-01-02" "2024-02-29").Format "Jan 2"}} {{(toDate "2006-01-02" "2024-02-29").YearDay}} {{(toDate "2006-01-02" "x").IsZero}} {{toJson (toDate "2006-01-02" "2024-02-29")}} {{(toDate "2006-01-02" "2024-02-29").Nope}}
{{duration 95}} {{duration "95"}} {{duration (int64 3661)}} {{duration "x"}} {{duration .n}} {{duration "86400"}} {{duration (int64 -5)}} {{duration "0"}}
{{durationRound "2h10m5s"}} {{durationRound "2400h10m5s"}} {{durationRound "400ms"}} {{durationRound (int64 90000000000)}} {{durationRound "9000h"}} {{durationRound "x"}} {{durationRound 5}} {{durationRound "-3h"}} {{durationRound "1h"}} {{durationRound "60s"}}
{{len (randAlphaNum 8)}} {{len (randAlpha 3)}} {{len (randNumeric 4)}} {{len (randAscii 5)}} {{len (randBytes 6)}} {{len uuidv4}} {{len (shuffle "abc")}} {{randAlpha 0}}|{{len (randAlpha -1)}} {{typeOf (randInt 1 10)}}
{{randInt 5 5}}
{{derivePassword 1 "long" "password" "user" "example.com"}} {{derivePassword 2 "pin" "password" "user" "example.com"}} {{derivePassword 1 "nope" "p" "u" "s"}} {{derivePassword 1 "maximum" "password" "user" "example.com"}} {{derivePassword 1 "basic" "pé" "u" "s"}} {{derivePassword 1 "short" "p" "u" "s"}} {{derivePassword 1 "medium" "p" "u" "s"}}
{{derivePassword -1 "long" "p" "u" "s"}}
{{decryptAES "secretkey" "30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9zVUPeDQ="}} {{encryptAES "k" "plain" | decryptAES "k"}} {{encryptAES "k" ""}}|{{decryptAES "k" ""}}|
{{decryptAES "k" "x"}}
{{decryptAES "k" "eHh4"}}
{{htpasswd "a:b" "c"}} {{genPrivateKey "nope"}}
{{genPrivateKey "ecdsa" | trunc 30}} {{genPrivateKey "ed25519" | trunc 27}}
{{$c := genCA "ca" 365}}{{$c.Cert | trunc 27}} {{kindOf $c}} {{typeOf $c}} {{$c.Nope}}
{{bcrypt "x" | trunc 7}} {{htpasswd "u" "p" | trunc 9}}
{{genSelfSignedCert "cn" (list "x") nil 1}}
{{genSelfSignedCert "cn" (list 1) nil 1}}
{{buildCustomCert "x" "y"}}
{{buildCustomCert "eA==" "eA=="}}
{{genCAWithKey "a" 1 "x"}}
{{genSignedCert "cn" nil nil 1 .s}}
{{genSignedCert "cn" "x" nil 1 (genCA "a" 1)}}
""".strip("\n").split("\n")


MIXED = """
{{coalesce.x}}|{{atoi "99999999999999999999x"}}|{{duration "99999999999999999999"}}|{{duration "99x"}}|{{duration "-99999999999999999999"}}
{{list.x}}
{{dict.x}}
{{all.x}}
{{(coalesce).x}}
{{uuidv4.x}}
{{range $k, $v := .}}{{$k}},{{end}}
{{range $k, $v := .dict}}{{$k}}{{$v}}{{else}}no{{end}}
{{with $x := .a}}{{with $y := $x.c}}{{$y.d}}{{$x.b}}{{end}}{{end}}
{{$x := 1}}{{with $x = 2}}{{$x}}{{end}}{{$x}}
{{$x := 1}}{{if $x = 0}}a{{else}}b{{$x}}{{end}}
{{if eq .n "3"}}three{{end}}{{if and (eq .s "Hello World") (not .no)}}both{{end}}
{{printf "%s has %d items" .s (len .l)}}
{{printf "%v %v" .a .l | len}}
{{define "t"}}{{range $i, $e := .}}{{if $i}}, {{end}}{{$e}}{{end}}{{end}}{{template "t" .l}}
{{define "list"}}{{range .}}<{{.}}>{{end}}{{end}}{{template "list" (list 1 2)}}{{template "list" nil}}
{{template "list" nil}}{{define "list"}}{{.}}{{end}}
{{block "x" nil}}{{.}}{{end}}
{{- range $i, $e := .l -}} {{ $i }}:{{ $e }} {{- end -}}
{{.l | first | upper | printf "%s-%s" "x"}}
{{ .a.c.n | int | add 1 | printf "%03d" }}
{{ index .deep.l 0 | toJson }}
{{ (index .deep.l 0).name | default "none" }}
{{ range (index .deep "l") }}{{ .name }}{{ end }}
{{ $m := dict }}{{ range .deep.l }}{{ $_ := set $m .name .v }}{{ end }}{{ $m | toJson }}
{{ if (hasKey .a "b") }}yes{{ end }}
{{ ternary "a" "b" (eq 1 1) }}
{{ eq "a" (first .l) }}{{ eq (first .l) "a" "z" }}
{{ ne (len .l) 3 }}
{{ not (or .no .e) }}
{{ .missing.x | default (dict "a" 1) | toJson }}
{{ (default (dict) .missing).x }}
{{ ((.missing).x).y }}
{{ .s | regexReplaceAll "o" "0" }}
{{ regexReplaceAll "o" .s "0" }}
{{ .lines | splitList "\\n" | join ";" }}
{{ range $i, $line := splitList "\\n" .lines }}{{ add1 $i }}. {{ $line }} {{ end }}
{{ .json | fromJson | toPrettyJson | indent 2 }}
{{ with fromJson .json }}{{ index .k 0 }}{{ .k }}{{ end }}
{{ toJson (fromJson "1e21") }} {{ fromJson "0.1" }} {{ fromJson "100000" }} {{ fromJson "1000000" }} {{ fromJson "123456.789e3" }}
{{ int64 (fromJson "12345678") }} {{ fromJson "12345678" | int }} {{ fromJson "1" | toString }}
{{ .big | int64 }} {{ .big | float64 }} {{ .x | float64 }} {{ .x | int }}
{{ 3 | mul 2 | sub 10 }} {{ sub 10 3 | div 21 }}
{{ "%d" | printf }} {{ printf "%d" }} {{ printf "%s" }}
{{ printf 1 }}
{{ printf .n }}
{{ printf .missing }}
{{ printf }}
{{ .s | printf "%.3s|%q|%x" }}
{{ len (printf "%10s" "é") }}
{{ dateInZone "2006-01-02 15:04:05" (toDate "2006-01-02T15:04:05Z" .date) "Europe/Paris" }}
{{ (toDate "2006-01-02T15:04:05Z" .date).Weekday }}
{{ (toDate "2006-01-02T15:04:05Z" .date).Month }}
{{ (toDate "2006-01-02T15:04:05Z" .date).Day }} {{ (toDate "2006-01-02T15:04:05Z" .date).Hour }} {{ (toDate "2006-01-02T15:04:05Z" .date).UTC }} {{ (toDate "2006-01-02T15:04:05Z" .date).UnixNano }}
{{ $t := toDate "2006-01-02T15:04:05Z" .date }}{{ $t.AddDate 0 1 0 }}
{{ $t := toDate "2006-01-02" "2024-01-31" }}{{ ($t.AddDate 0 1 0).Format "2006-01-02" }}
{{ $t := toDate "2006-01-02" "2024-01-31" }}{{ $t.Format }}
{{ $t := toDate "2006-01-02" "2024-01-31" }}{{ $t.Format "2006" "x" }}
{{ $t := toDate "2006-01-02" "2024-01-31" }}{{ $t.Format 1 }}
{{ $t := toDate "2006-01-02" "2024-01-31" }}{{ "2006" | $t.Format }}
{{ $t := toDate "2006-01-02" "2024-01-31" }}{{ $t.Sub $t }} {{ $t.Before $t }} {{ $t.After $t }} {{ $t.Equal $t }}
{{ (semver "1.2.3").Compare (semver "1.2.4") }}
{{ (semver "1.2.3").Major 1 }}
{{ (semver "1.2.3").IncPatch }}
{{ (semver "1.2.3").major }}
{{ semver "1.2.3" | toJson }}
{{ .n.String | upper }} {{ .n.Int64 | add 1 }} {{ .n.Nope }}
{{ .n.Int64.x }}
{{ .n.String 1 }}
{{ 1 | .n.String }}
{{ list 1 2 3 | has 2 }} {{ has 4 (list 1 2 3) }}
{{ "a,b" | split "," }} {{ ("a,b" | split ",")._1 }}
{{ $s := split "," "a,b" }}{{ $s._0 }}{{ $s._5 }}{{ index $s "_1" }}{{ index $s "_9" }}|{{ len $s }}{{ range $k, $v := $s }}{{ $k }}{{ $v }}{{ end }}
{{ get (split "," "a,b") "_0" }}
{{ keys (split "," "a,b") }}
{{ toJson (split "," "a,b") }} {{ kindOf (split "," "a") }} {{ typeOf (splitn "," 1 "a") }}
{{ join "," (split "," "a,b") }}
{{ first (split "," "a,b") }}
{{ eq (list 1) (list 1) }}
{{ eq (dict) (list) }}
{{ eq (list) nil }} {{ eq (dict) nil }} {{ eq (rest list) nil }} {{ ne (list) nil }}
{{ eq now nil }}
{{ eq (toDate "2006" "2020") (toDate "2006" "2020") }} {{ eq (toDate "2006" "2020") 1 }}
{{ eq (semver "1.0.0") (semver "1.0.0") }}
{{ lt (toDate "2006" "2020") (toDate "2006" "2021") }}
{{ (index .m 5).k }} {{ (index .m 4).k }}
{{ (index .m 0).k }}
{{ index .m 5 "k" "z" }}
{{ index .m 6 0 }} {{ index .m 6 0 0 }}
{{ slice "abc" 1 2 }}
{{ slice .l 1 2 3 }} {{ slice .l nil }} {{ slice nil }}
{{ max 1 2 3 | min 2 }} {{ round 3.14159 3 }} {{ round -2.5 0 }} {{ round 2.5 0 }} {{ floor -0.5 }} {{ ceil 0.2 }}
{{ 10000000000 }} {{ 1e100 }} {{ 1.0 }} {{ 100000000.0 }} {{ 123456789.123 }} {{ 0.000001 }} {{ 0.0000001 }} {{ -0.0 }}
{{ 0x10 }} {{ 0xFFp2 }} {{ 1_0.5 }} {{ 0b1 }} {{ 0o7 }} {{ 07 }} {{ 08 }}
{{ 0_7 }} {{ 0x_1 }} {{ 1__0 }}
{{ 1_ }}
{{ '\\x41' }} {{ '\\u00e9' }} {{ '\\'' }} {{ '\\101' }}
{{ '\\"' }}
{{ "\\'" }}
{{ "\\400" }}
{{ "\\ud800" }}
{{ "\\U00110000" }}
{{ true | not }} {{ false | or 1 }} {{ 1 | and 0 }}
{{ and 1 (or 0 "") | not }}
{{ upper (and "a" 1) }}
{{ upper (or "a" 1) }}
{{ upper (or 0 1) }}
{{ upper (and .missing "x") }}
{{ len (and .l 1) }}
{{ len (or 1 .l) }}
{{ range and .l .nums }}{{.}}{{end}}
{{ range or 0 5.5 }}{{.}}{{end}}
{{ template "x" and 1 2 }}{{define "x"}}{{.}}{{end}}
{{ with and .a .b }}{{.}}{{else}}{{.s}}{{end}}
{{ $x := and 1 2 }}{{ $x }}
{{ (and 1 .a).b }} {{ (or 0 .a).b.c }}
{{ .a.b.c | default "x" }}
{{ print .missing .nul nil 1 "a" }}
{{ println .missing .l "x" }}
{{ html .missing .nul }} {{ js .missing }} {{ urlquery .nul "a b" }}
{{ html "<" 1 2 }} {{ html (list "<" "&") }} {{ js (dict "a" "<") }}
{{ js "\\u0000\\u001f\\u007f\\u2028`$" }} {{ html "\\u0000" }} {{ urlquery "~!*'()-_.é" }}
""".strip("\n").split("\n")


# What generated templates have found different once.
FOUND = r"""
{{0.1e1_0}} {{1e1_2}} {{0x1p1_0}}
{{1e_1}}
{{1+i}}
{{1+-2i}}
{{1++2i}}
{{0b1+2i}}
{{1p4+2i}}
{{--2i}}
{{printf "%--f" (toDate "x" "y")}}
{{printf "%20F" (toDate "x" "y")}}
{{printf "%d %x %O %U" (toDate "x" "y") 1 2 3}}
{{printf "%#v" (toDate "x" "y")}} {{printf "%#v" (toDate "2006" "2024")}} {{printf "%40.12#v" (toDate "2006" "2024").UTC}}
{{printf "%M" (toDate "2006-01-02" "2024-02-29")}}
{{printf "%w %w" .l .a}} {{printf "%w" "s"}} {{printf "%5w" (list (list 1))}} {{printf "%w" (semver "1.2.3")}}
{{$t := (toDate `2006` `2000`).Sub (toDate `2006` `1999`)}}{{$t.Hours}} {{$t.Minutes}} {{$t.Seconds}} {{$t.Milliseconds}} {{$t.Microseconds}} {{$t.Nanoseconds}} {{$t.Abs}} {{$t.Round 1}} {{$t.Truncate 7000000000}} {{$t.String}}
{{$t := (toDate `2006` `1999`).Sub (toDate `2006-01-02T15:04:05.000` `2000-02-03T04:05:06.789`)}}{{$t.Hours}} {{$t.Minutes}} {{$t.Seconds}} {{$t.Milliseconds}} {{$t.Microseconds}} {{$t.Abs}} {{$t.Round 60000000000}} {{$t.Truncate 60000000000}} {{$t.Round 0}} {{$t.Truncate -1}}
{{$t := toDate "2006-01-02T15:04:05.000Z07:00" "1969-07-20T20:17:40.250-04:00"}}{{$t.Round 1000000000}} {{$t.Truncate 3600000000000}} {{$t.UnixMicro}} {{$t.IsDST}} {{$t.Location}} {{$t.GoString}} {{($t.In $t.UTC.Location)}} {{$t.Local.Location}} {{$t.UTC.Location.String}}
{{(toDate "2006" "2024").In nil}}
{{(toDate "2006" "2024").Date}}
{{(toDate "2006" "2024").Clock}}
{{(toDate "2006" "2024").ISOWeek}}
{{(toDate "2006" "2024").Zone}}
{{(toDate "2006" "2024").Zone 1}}
{{omit ((toDate `2006` `2024`).Sub (toDate `2006` `2023`))}}
{{.x1.missing 'a'|(call .t.n .a)}}
{{(.n).Int64.Seconds}}
{{(.f).Int64.Seconds}}
{{(.big).Int64}}
{{(semver "v1.2.3-a+b").IncMajor}} {{(semver "v1.2.3-a+b").IncMinor}} {{(semver "v1.2.3-a+b").IncPatch}} {{(semver "v1.2.3-a+b").IncPatch | typeOf}} {{(semver "1.2.3").SetPrerelease "x.1"}} {{(semver "1.2.3-a").SetMetadata "b"}} {{(semver "1.2.3").Value}}
{{(semver "1.2.3").SetPrerelease "01"}}
{{(semver "1.2.3").SetPrerelease "a_b"}}
{{(semver "1.2.3").SetMetadata "é"}}
{{(semver "1.2.3").IncPatch.Original}}
{{(semver "1.2.3").Compare nil}}
{{(semver "1.2.3").Compare (semver "1.2.3").IncPatch}}
{{index (semver "1.2.3") 1}}
{{round -1e-7 -255}} {{round 1.5 300}} {{round 12345.678 -2}} {{round 1e-300 310}} {{round 7 -330}}
{{ago -9223372036854775808}}
{{urlquery ("\\xff\\xfe" | upper)}} {{urlquery ("\\xffA" | lower)}} {{urlquery (title "\\xffa \\xfeb")}} {{urlquery (untitle "\\xffA \\xfeB")}} {{urlquery (swapcase "\\xffA \\xfeb")}} {{urlquery (camelcase "\\xffa \\xfeb")}} {{splitList "" "A\\xc3 \\xa9" | toString | urlquery}}
{{date `2006-01-02` -9223372036854775808}} {{date `2006-01-02 Mon 002` 9223372036854775807}}
""".strip("\n").split("\n")

# What newer Go allows, and Go 1.19 does not.
NEWER = {
    "{{range 3}}{{.}}{{end}}": "012",
    "{{range $i := 3}}{{$i}}{{end}}": "012",
    "{{range 0}}a{{else}}b{{end}}": "b",
    "{{range -1}}a{{else}}b{{end}}": "b",
    "{{range (int64 2)}}{{.}},{{end}}": "0,1,",
    "{{range len .l}}{{.}}{{end}}": "012",
    "{{range $i := len .l}}{{index $.l $i}}{{end}}": "abc",
    "{{with .nul}}a{{else with .s}}{{.}}{{else}}b{{end}}": "Hello World",
    "{{with .nul}}a{{else with .missing}}{{.}}{{else with .n}}{{.}}{{end}}": "3",
    '{{sha512sum "a" | trunc 16}}': "1f40fc92da241694",
}


def _printf(line: str) -> str:
    form, _, args = line.partition("|")
    quoted = form.replace("\\", "\\\\").replace('"', '\\"')
    return f'{{{{printf "{quoted}" {args.replace(chr(92) * 2, chr(92))}}}}}'


def _each(lines: list[str]) -> list[str]:
    """Take the lines, and where one holds several actions each of these alone too, so that a fault hides no other."""
    out: list[str] = []
    for line in lines:
        text = line.replace("\\\\", "\\")
        out.append(text)
        parts = text.split("}} {{")
        if len(parts) > 2 and "$" not in text and "range" not in text and "define" not in text:
            for index, part in enumerate(parts):
                head = "" if index == 0 else "{{"
                tail = "" if index == len(parts) - 1 else "}}"
                out.append(head + part + tail)
    return list(dict.fromkeys(out))


def handmade() -> list[tuple[str, str]]:
    """Give the templates written by hand, each with its data."""
    templates = [line.replace("\\\\", "\\") for line in LANGUAGE]
    templates += [line.replace("\\\\", "\\") for line in MIXED]
    templates += MULTILINE
    templates += FOUND
    templates += NEWER
    templates += [_printf(line) for line in PRINTF]
    for section in (SPRIG_STRINGS, SPRIG_LISTS, SPRIG_DICTS, SPRIG_NUMBERS, SPRIG_OTHER):
        templates += _each(section)
    cases = [(template, DATA) for template in dict.fromkeys(templates)]
    for data in ("null", '"text"', "3", "[1,2]", "true", '{"":1}'):
        cases += [
            (template, data)
            for template in (
                "{{.}}",
                "{{.x}}",
                "{{.x.y}}",
                "{{len .}}",
                "{{range .}}{{.}}{{end}}",
                "{{with .}}a{{end}}",
            )
        ]
    return cases
