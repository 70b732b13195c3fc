package running

import (
	"errors"
	"fmt"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/problem"
)

// Some of the words are asked for, in the order in which they stand on the paper, and each must be right.
func TestWordsOnPaper(t *testing.T) {
	words := make([]string, 24)
	for i := range words {
		words[i] = fmt.Sprintf("word%d", i+1)
	}
	order := []int{20, 3, 11, 0}
	var asked []string
	answer := func(answers ...string) func(string) (string, error) {
		asked = nil
		return func(question string) (string, error) {
			asked = append(asked, question)
			return answers[len(asked)-1], nil
		}
	}
	if err := onPaper(words, order, answer("word4", "WORD12", "word21")); err != nil || len(asked) != askedWords || asked[0] != "What is word 4 on your paper? " {
		t.Errorf("%q: %v", asked, err)
	}
	for _, wrong := range [][]string{{""}, {"word4", "word4"}, {"word4", "word12", "word22"}} {
		var p *problem.Problem
		if err := onPaper(words, order, answer(wrong...)); !errors.As(err, &p) || p.Code != problem.CodeUnwritten || len(asked) != len(wrong) {
			t.Errorf("%q after %q: %v", wrong, asked, err)
		}
	}
	stopped := errors.New("stopped")
	if err := onPaper(words, order, func(string) (string, error) { return "", stopped }); !errors.Is(err, stopped) {
		t.Error(err)
	}
}
