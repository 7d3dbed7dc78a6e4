package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"santral/api/client"
	"santral/api/noun"
)

// shells are what each shell needs to ask santral itself what may follow.
var shells = map[string]string{
	"bash": `_santral() {
  local IFS=$'\n'
  COMPREPLY=($(santral complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  [[ ${#COMPREPLY[@]} -eq 0 ]] && compopt -o default 2>/dev/null
}
complete -F _santral santral
`,
	"zsh": `#compdef santral
_santral() {
  local -a found
  found=("${(@f)$(santral complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "${found[1]}" ]]; then compadd -- "${found[@]}"; else _files; fi
}
compdef _santral santral
`,
	"fish": `complete -c santral -f -a '(santral complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
}

// completion prints a shell's part.
type completion struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help tells how it is used.
func (completion) Help() string {
	return "bash: source <(santral completion bash)   zsh: source <(santral completion zsh)   fish: santral completion fish | source"
}

// Run prints it.
func (c *completion) Run() error {
	fmt.Print(shells[c.Shell])
	return nil
}

// complete tells what may follow.
type complete struct {
	Words []string `arg:"" optional:"" passthrough:"" help:"The words after santral; the last is the one that is being typed."`
}

// Run prints candidates, a line each.
func (c *complete) Run(k *kong.Context) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	last := ""
	if len(words) > 0 {
		last, words = words[len(words)-1], words[:len(words)-1]
	}
	var found []string
	for _, candidate := range candidates(k.Model.Node, words, last) {
		if strings.HasPrefix(candidate, last) {
			found = append(found, candidate)
		}
	}
	slices.Sort(found)
	for _, f := range slices.Compact(found) {
		fmt.Println(f)
	}
	return nil
}

// candidates are the words that may follow others.
func candidates(node *kong.Node, words []string, last string) (list []string) {
	flags := map[string]string{}
	var args []string
	command := ""
	for i := 0; i < len(words); i++ {
		word := words[i]
		if name, value, assigned := strings.Cut(word, "="); strings.HasPrefix(word, "--") {
			if !assigned && i+1 < len(words) && takesValue(node, name) {
				i++
				value = words[i]
			}
			flags[name] = value
			continue
		}
		if child := childOf(node, word); child != nil && len(args) == 0 {
			node, command = child, strings.TrimSpace(command+" "+child.Name)
			continue
		}
		args = append(args, word)
	}
	if len(words) > 0 && takesValue(node, words[len(words)-1]) {
		if words[len(words)-1] == "--tenant" {
			return keys(flags, "", "tenants", "tenant")
		}
		return enumOf(node, words[len(words)-1])
	}
	if strings.HasPrefix(last, "-") {
		for _, group := range node.AllFlags(true) {
			for _, f := range group {
				list = append(list, "--"+f.Name)
			}
		}
		return list
	}
	for _, child := range node.Children {
		if !child.Hidden {
			list = append(list, child.Name)
		}
	}
	if len(list) > 0 {
		return list
	}
	switch command {
	case "get", "add", "set", "rm":
		return entryWords(command, args, flags)
	case "completion":
		return []string{"bash", "zsh", "fish"}
	}
	return nil
}

func childOf(node *kong.Node, word string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == word || slices.Contains(child.Aliases, word) {
			return child
		}
	}
	return nil
}

func flagOf(node *kong.Node, name string) *kong.Flag {
	for _, group := range node.AllFlags(false) {
		for _, f := range group {
			if "--"+f.Name == name || f.Short != 0 && "-"+string(f.Short) == name {
				return f
			}
		}
	}
	return nil
}

func takesValue(node *kong.Node, name string) bool {
	f := flagOf(node, name)
	return f != nil && !f.IsBool()
}

func enumOf(node *kong.Node, name string) (list []string) {
	if f := flagOf(node, name); f != nil && f.Enum != "" {
		return strings.Split(f.Enum, ",")
	}
	return nil
}

// entryWords are the words of commands on entries: lists, then what names their entries, then keys.
func entryWords(command string, args []string, flags map[string]string) (list []string) {
	if len(args) == 0 {
		for _, l := range noun.Lists {
			list = append(list, l.Name)
		}
		return append(list, "tenants", "operator")
	}
	l, ok := noun.Of(args[0])
	if command != "add" && len(args) == 1 && (ok || args[0] == "tenants") {
		return keys(flags, flags["--tenant"], args[0], l.Key)
	}
	switch args[0] {
	case "tenants":
		l.Type = reflect.TypeFor[noun.Tenant]()
	case "operator":
		l.Type = reflect.TypeFor[noun.Operator]()
	}
	if l.Type != nil && (command == "add" || command == "set") {
		for _, f := range noun.Fields(l.Type) {
			list = append(list, noun.Key(f)+"=")
		}
	}
	return list
}

// keys asks the exchange what names entries of a list. Who completes a word does not wait long.
func keys(flags map[string]string, tenant, list, key string) (names []string) {
	ctx, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	e := exchange{Data: "data/local", URL: flags["--api"], Token: flags["--token"]}
	if flags["--data"] != "" {
		e.Data = flags["--data"]
	}
	envInto(&e)
	x, err := e.open()
	if err != nil {
		return nil
	}
	x.HTTP = &http.Client{Timeout: time.Second}
	if list == "tenants" {
		key = "tenant"
	} else if tenant == "" {
		if list == "carriers" || list == "blocks" || list == "brands" {
			tenant = client.OperatorID
		} else if tenant, err = onlyTenant(ctx, x); err != nil {
			return nil
		}
	}
	rows, err := x.Entries(ctx, tenant, list, "", 200)
	if err != nil {
		return nil
	}
	for _, raw := range rows {
		var v map[string]any
		_ = json.Unmarshal(raw, &v) // what the exchange gives is an object
		if name, ok := v[key].(string); ok {
			names = append(names, name)
		}
	}
	return names
}

// envInto takes from the environment what the words do not say.
func envInto(e *exchange) {
	for name, into := range map[string]*string{"SANTRAL_URL": &e.URL, "SANTRAL_TOKEN": &e.Token} {
		if *into == "" {
			*into = os.Getenv(name)
		}
	}
	if data := os.Getenv("SANTRAL_DATA"); data != "" && e.Data == "data/local" {
		e.Data = data
	}
}
