// Package earshotv1 is the schema of the local API as generated Go: messages and, for each service,
// the Connect client and the interface that a server implements. The Go files beside this one are
// made from the schema by go generate in node/localapi; edit the schema instead. Use it through
// package localapi, which finds the socket and turns errors into problems.
package earshotv1
