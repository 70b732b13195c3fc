package fold

import (
	"strings"
	"testing"
)

// languages are messages of about 60 bytes.
var languages = []struct{ name, text string }{
	{"ascii", "See you at Lunch tomorrow, 12:30 in the Kitchen. Bring cake!"},
	{"german", "Grüße aus Köln! Über die Straße gehen wir später, schöner Tag"},
	{"vietnamese", "Tôi sẽ đến muộn một chút, mọi người cứ ăn trước nhé"},
	{"russian", "Привет, встретимся завтра у входа"},
	{"chinese", "明天中午十二点半在厨房见，请带蛋糕来吧"},
	{"japanese", "明日のお昼に台所で会いましょう。ケーキ"},
	{"korean", "내일 점심에 부엌에서 만나요 케이크 ㅋㅋㅠㅠ"},
	{"arabic", "أراك غدا على الغداء في المطبخ، أحضر"},
	{"hindi", "कल दोपहर रसोई में मिलते हैं"},
	{"emoji", "🎂👍🏽❤️👨‍👩‍👧🇩🇪😀😀🎉🎉"},
}

func BenchmarkAppendFold(b *testing.B) {
	for _, l := range languages {
		b.Run(l.name, func(b *testing.B) {
			var dst []byte
			b.SetBytes(int64(len(l.text)))
			b.ReportAllocs()
			for b.Loop() {
				dst = AppendFold(dst[:0], l.text)
			}
		})
	}
}

func BenchmarkIn(b *testing.B) {
	var form []byte
	for range 256 / len(languages) {
		for _, l := range languages {
			form = AppendFold(form, l.text)
		}
	}
	for _, words := range []string{"nowhere", "schöner", "厨房见", "cake tag nowhere"} {
		q, err := Parse(words)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(strings.ReplaceAll(words, " ", "+"), func(b *testing.B) {
			b.SetBytes(int64(len(form)))
			b.ReportAllocs()
			for b.Loop() {
				q.In(form)
			}
		})
	}
}

// The longest messages there are, of what takes the most work.
func BenchmarkHostile(b *testing.B) {
	for _, h := range hostile {
		b.Run(h.name, func(b *testing.B) {
			text := strings.Repeat(h.text, (64<<10)/len(h.text))
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				dst = AppendFold(dst[:0], text)
			}
		})
	}
}
