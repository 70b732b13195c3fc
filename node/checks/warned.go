package checks

import "github.com/earshot-im/earshot/node/warnings"

// OfWarnings judges what the node warns of: that copies of its directory are in use, and that limits
// were reached.
func OfWarnings(all []warnings.Warning, err error) []Check {
	if err != nil {
		return []Check{{Check: Copies, Code: Unreadable, Detail: err.Error()}}
	}
	copies, limits := []Check{}, []Check{}
	for _, w := range all {
		c := Check{Code: w.Code, Values: Values{Since: w.Since}}
		switch w.Code {
		case warnings.Copied, warnings.Restored, warnings.Twin:
			c.Check, c.Values.Address = Copies, w.Detail
			copies = append(copies, c)
			continue
		case warnings.Strained:
			c.Values.Group = w.Detail
		default:
			c.Detail = w.Detail
		}
		c.Check = Limits
		limits = append(limits, c)
	}
	return append(orFine(Copies, copies), orFine(Limits, limits)...)
}

// orFine returns the checks of one name, or one that says that nothing is wrong.
func orFine(name string, found []Check) []Check {
	if len(found) == 0 {
		return []Check{{Check: name, OK: true}}
	}
	return found
}
