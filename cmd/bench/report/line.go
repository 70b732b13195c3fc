package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
)

const (
	maxLine  = 256    // bytes; the longest that is printed has some 70
	maxLines = 10_000 // of one run, which prints some 30 a workload
)

// ErrMalformed: it is no line `PEER WORKLOAD METRIC VALUE`. Don't count it.
var ErrMalformed = errors.New("not PEER WORKLOAD METRIC VALUE")

// line is what a line looks like. The number is as %g writes it in Go and in other languages.
var line = regexp.MustCompile(`^([a-z][A-Za-z0-9+._-]{0,63}) (W[0-9]{1,2}|all) ([a-z][a-z0-9_]{0,63}) ` +
	`(-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:e[+-][0-9]{2,3})?)$`)

// Line is one result.
type Line struct {
	Peer, Workload, Metric string
	Value                  float64 // finite
}

func (l Line) String() string {
	return fmt.Sprintf("%s %s %s %.4g", l.Peer, l.Workload, l.Metric, l.Value)
}

// Parse reads a line, without its end. Every error is ErrMalformed.
func Parse(s string) (Line, error) {
	m := line.FindStringSubmatch(s)
	if m == nil {
		return Line{}, ErrMalformed
	}
	v, err := strconv.ParseFloat(m[4], 64)
	if err != nil { // it is too large
		return Line{}, ErrMalformed
	}
	return Line{Peer: m[1], Workload: m[2], Metric: m[3], Value: v}, nil
}

// Scan calls each with every line of what a program prints, or with ErrMalformed for one that is none, which it then
// has as well. It ends with an error where there are too many lines, or one that is too long.
func Scan(r io.Reader, each func(l Line, text string, err error)) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	for n := 0; s.Scan(); n++ {
		if n == maxLines {
			return fmt.Errorf("more than %d lines", maxLines)
		}
		l, err := Parse(s.Text())
		each(l, s.Text(), err)
	}
	return s.Err()
}
