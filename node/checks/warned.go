package checks

import "github.com/earshot-im/earshot/node/warnings"

// OfCopies judges, by what the node warns of, whether copies of its directory are in use.
func OfCopies(warned []warnings.Warning) (out []Check) {
	for _, w := range warned {
		switch w.Code {
		case warnings.Copied, warnings.Restored, warnings.Twin:
			out = append(out, Check{Check: Copies, Code: w.Code, Values: Values{Since: w.Since, Address: w.Detail}})
		}
	}
	return orFine(Copies, out)
}

// OfLimits judges which limits were reached and for whom, by what the node warns of and by what waits
// for peers that take no more of it.
func OfLimits(warned []warnings.Warning, waiting []Waiting) (out []Check) {
	for _, w := range warned {
		c := Check{Check: Limits, Code: w.Code, Values: Values{Since: w.Since}}
		switch w.Code {
		case warnings.Strained:
			c.Values.Group = w.Detail
		case warnings.Limit:
			c.Person, c.Values.Group = w.Person.ID, w.Detail
		case warnings.Crowded, warnings.Full, warnings.Starved:
			c.Detail = w.Detail
		default:
			continue
		}
		out = append(out, c)
	}
	for _, w := range waiting {
		if w.WaitingFor == "refused" || w.WaitingFor == "no_room" {
			out = append(out, Check{Check: Limits, Code: Refused, Person: w.Person,
				Values: Values{Waiting: w.Messages, WaitingFor: w.WaitingFor, Reason: w.Reason}})
		}
	}
	return orFine(Limits, out)
}

// orFine returns the checks of one name, or one that says that nothing is wrong.
func orFine(name string, found []Check) []Check {
	if len(found) == 0 {
		return []Check{{Check: name, OK: true}}
	}
	return found
}
