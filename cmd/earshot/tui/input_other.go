//go:build !unix

package tui

import "os"

// input is what is typed.
type input struct{ *os.File }

func newInput(f *os.File) (*input, error) { return &input{f}, nil }

func (*input) end() {}
