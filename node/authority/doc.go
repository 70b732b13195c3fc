// Package authority is a stopgap.
package authority
