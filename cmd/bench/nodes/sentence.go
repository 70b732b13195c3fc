package nodes

import (
	"math"
	"math/rand/v2"
	"strings"
)

// CommonWord is in every third sentence, or so.
const CommonWord = "the"

// Sentence returns words as people write them: about 80 bytes, of some 5,000 words of which a few are
// frequent.
func Sentence(random *rand.Rand) string {
	var b strings.Builder
	for b.Len() < 75 {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		n := int(math.Pow(5000, random.Float64()))
		if n == 1 {
			b.WriteString(CommonWord)
			continue
		}
		for range 2 + n%7 {
			b.WriteByte("etaoinshrdlucmfwyp"[n%18])
			n = n*31 + 7
		}
	}
	return b.String()
}
