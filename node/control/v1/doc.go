// Package controlv1 is the schema of the local API, control.proto, as generated Go: messages, the
// Connect client and the interface that a server implements. Everything beside this file is made by
// go generate in node/control; edit the schema instead. Use it through package control, which finds
// the socket and turns errors into problems.
package controlv1
