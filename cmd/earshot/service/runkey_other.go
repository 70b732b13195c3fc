//go:build !windows

package service

import "errors"

// Other systems have no Run key, and Of never asks for it there.
var errNoRunKey = errors.New("only Windows has a Run key")

func readRunKey() string       { return "" }
func writeRunKey(string) error { return errNoRunKey }
func deleteRunKey() error      { return errNoRunKey }
