//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// bencode writes a dictionary of strings, its keys in order as the format wants them.
func bencode(fields map[string]string) []byte {
	b := []byte{'d'}
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		b = fmt.Appendf(b, "%d:%s%d:%s", len(k), k, len(fields[k]), fields[k])
	}
	return append(b, 'e')
}

var errBencode = errors.New("malformed bencode")

// bdecode reads a dictionary and keeps its strings and numbers; lists and dictionaries within are
// passed over.
func bdecode(b []byte) (map[string]string, error) {
	if len(b) == 0 || b[0] != 'd' {
		return nil, errBencode
	}
	fields := map[string]string{}
	for b = b[1:]; len(b) > 0 && b[0] != 'e'; {
		key, rest, err := bvalue(b, 0)
		if err != nil {
			return nil, err
		}
		value, after, err := bvalue(rest, 0)
		if err != nil {
			return nil, err
		}
		if rest[0] != 'd' && rest[0] != 'l' {
			fields[string(key)] = string(value)
		}
		b = after
	}
	if len(b) == 0 {
		return nil, errBencode
	}
	return fields, nil
}

// bvalue cuts one value off.
func bvalue(b []byte, depth int) (value, rest []byte, err error) {
	const maxDepth = 16
	if len(b) == 0 || depth > maxDepth {
		return nil, nil, errBencode
	}
	switch c := b[0]; {
	case c == 'i':
		end := bytes.IndexByte(b, 'e')
		if end < 0 {
			return nil, nil, errBencode
		}
		return b[1:end], b[end+1:], nil
	case c == 'l' || c == 'd':
		for b = b[1:]; len(b) > 0 && b[0] != 'e'; {
			if _, b, err = bvalue(b, depth+1); err != nil {
				return nil, nil, err
			}
		}
		if len(b) == 0 {
			return nil, nil, errBencode
		}
		return nil, b[1:], nil
	default:
		size, after, ok := bytes.Cut(b, []byte(":"))
		n, err := strconv.Atoi(string(size))
		if !ok || err != nil || n < 0 || n > len(after) {
			return nil, nil, errBencode
		}
		return after[:n], after[n:], nil
	}
}
