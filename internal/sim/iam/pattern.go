package iam

import (
	"fmt"
	"strings"
)

// pattern is a value of a policy: text with the wildcards * and ?, and with
// variables such as ${aws:PrincipalAccount}.
type pattern struct {
	parts     []part
	plain     string // the whole text when it has neither wildcards nor variables
	wild      bool
	variables bool
	fold      bool // both sides in lower case
}

type part struct {
	char rune
	any  bool // ?
	many bool // *
	// bounded is set on a wildcard that does not match a colon.
	bounded  bool
	variable string // name of a condition key, in lower case
	fallback *string
}

// syntax says what a text may contain besides itself.
type syntax struct {
	wildcards, variables, fold bool
	// arn bounds wildcards: only a * at the end of an ARN's segment expands
	// beyond the colon (IAM user guide, "Policy elements: Resource").
	arn bool
}

func compile(text string, of syntax) (pattern, error) {
	if of.fold {
		text = strings.ToLower(text)
	}
	p := pattern{fold: of.fold}
	for rest := text; rest != ""; {
		if of.variables && strings.HasPrefix(rest, "${") {
			name, after, closed := strings.Cut(rest[2:], "}")
			if !closed {
				return p, fmt.Errorf("%q: a variable without its closing brace", text)
			}
			v, err := parseVariable(name)
			if err != nil {
				return p, fmt.Errorf("%q: %w", text, err)
			}
			p.parts = append(p.parts, v)
			p.variables = p.variables || v.variable != ""
			rest = after
			continue
		}
		char := []rune(rest)[0]
		rest = rest[len(string(char)):]
		switch {
		case of.wildcards && char == '*':
			p.parts = append(p.parts, part{many: true, bounded: of.arn && rest != "" && rest[0] != ':'})
			p.wild = true
		case of.wildcards && char == '?':
			p.parts = append(p.parts, part{any: true, bounded: of.arn})
			p.wild = true
		default:
			p.parts = append(p.parts, part{char: char})
		}
	}
	if !p.wild && !p.variables {
		p.plain = literalText(p.parts)
	}
	return p, nil
}

// parseVariable reads what stands between the braces: a key, a key with a
// default in quotes, or one of *, ? and $, which then stand for themselves.
func parseVariable(text string) (part, error) {
	switch text {
	case "*", "?", "$":
		return part{char: rune(text[0])}, nil
	}
	name, fallback, given := strings.Cut(text, ",")
	name = strings.ToLower(strings.TrimSpace(name))
	if !strings.Contains(name, ":") {
		return part{}, fmt.Errorf("${%s} is no condition key", text)
	}
	v := part{variable: name}
	if given {
		fallback = strings.TrimSpace(fallback)
		if len(fallback) < 2 || fallback[0] != '\'' || fallback[len(fallback)-1] != '\'' {
			return part{}, fmt.Errorf("${%s}: a default stands in single quotes", text)
		}
		fallback = fallback[1 : len(fallback)-1]
		v.fallback = &fallback
	}
	return v, nil
}

func literalText(parts []part) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteRune(p.char)
	}
	return b.String()
}

// resolve puts the values of variables in, which have no wildcards. A variable
// without a single value makes the whole value match nothing.
func (p *pattern) resolve(keys Keys) (parts []part, ok bool) {
	for _, one := range p.parts {
		if one.variable == "" {
			parts = append(parts, one)
			continue
		}
		values := keys[one.variable]
		text := ""
		switch {
		case len(values) == 1:
			text = values[0]
		case len(values) == 0 && one.fallback != nil:
			text = *one.fallback
		default:
			return nil, false
		}
		if p.fold {
			text = strings.ToLower(text)
		}
		for _, char := range text {
			parts = append(parts, part{char: char})
		}
	}
	return parts, true
}

func (p *pattern) matches(text string, keys Keys) bool {
	if p.fold {
		text = strings.ToLower(text)
	}
	if !p.wild && !p.variables {
		return text == p.plain
	}
	parts := p.parts
	if p.variables {
		var ok bool
		if parts, ok = p.resolve(keys); !ok {
			return false
		}
		if !p.wild {
			return text == literalText(parts)
		}
	}
	return matchParts(parts, text)
}

// matchParts compares the plain beginning first, which settles most cases, and
// then keeps track of every number of characters that the parts so far can
// have matched.
func matchParts(parts []part, text string) bool {
	rest := []rune(text)
	for len(parts) > 0 && !parts[0].any && !parts[0].many {
		if len(rest) == 0 || rest[0] != parts[0].char {
			return false
		}
		parts, rest = parts[1:], rest[1:]
	}
	if len(parts) == 1 && parts[0].many && !parts[0].bounded {
		return true
	}
	reached := make([]bool, len(rest)+1)
	reached[0] = true
	for _, p := range parts {
		if p.many {
			for i, char := range rest {
				reached[i+1] = reached[i+1] || reached[i] && !(p.bounded && char == ':')
			}
			continue
		}
		for i := len(rest); i > 0; i-- {
			char := rest[i-1]
			fits := p.any && !(p.bounded && char == ':') || !p.any && p.char == char
			reached[i] = reached[i-1] && fits
		}
		reached[0] = false
	}
	return reached[len(rest)]
}
