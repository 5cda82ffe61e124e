// Renders templates as Go does, one JSON object per line in, one per line out.
//
// In:  {"t": template, "d": data}
// Out: {"o": text} | {"p": parse error} | {"e": execution error}
//
// Built and run offline by oracle.py; numbers in the data are json.Number, the zone is UTC.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"text/template"

	"github.com/Masterminds/sprig"
)

type request struct {
	Template string      `json:"t"`
	Data     interface{} `json:"d"`
}

type answer struct {
	Output *string `json:"o,omitempty"`
	Parse  string  `json:"p,omitempty"`
	Exec   string  `json:"e,omitempty"`
}

func functions() template.FuncMap {
	all := sprig.TxtFuncMap()
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(all, name)
	}
	return all
}

func render(in request, known template.FuncMap) (out answer) {
	defer func() {
		if fault := recover(); fault != nil {
			out = answer{Exec: fmt.Sprintf("panic: %v", fault)}
		}
	}()
	parsed, err := template.New("tmpl").Funcs(known).Parse(in.Template)
	if err != nil {
		return answer{Parse: err.Error()}
	}
	var text bytes.Buffer
	if err := parsed.Execute(&text, in.Data); err != nil {
		return answer{Exec: err.Error()}
	}
	whole := text.String()
	return answer{Output: &whole}
}

func main() {
	known := functions()
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<26)
	writer := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(writer)
	encoder.SetEscapeHTML(false)
	for lines.Scan() {
		var in request
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.UseNumber()
		if err := decoder.Decode(&in); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := encoder.Encode(render(in, known)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		writer.Flush()
	}
}
