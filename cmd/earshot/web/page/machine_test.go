package page_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// The machine of the page gives the same as that of package room, for each of its vectors.
func TestVectors(t *testing.T) {
	t.Parallel()
	const vectors = "../../room/testdata"
	files, err := filepath.Glob(filepath.Join(vectors, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	b := browse(t, serve(t, t.TempDir(), testdata()).URL+"/testdata/empty.html")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			vector, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			wrong := js[[]string](b, fmt.Sprintf(`import('/testdata/vectors.js').then(m => m.play(%s))`, vector))
			for _, w := range wrong {
				t.Error(w)
			}
		})
	}
}

// German and English have the same texts, with the same values in them, and the page asks for no other.
func TestTexts(t *testing.T) {
	t.Parallel()
	b := browse(t, serve(t, t.TempDir(), http.Dir("testdata")).URL+"/testdata/empty.html")
	wrong := js[[]string](b, `import('/testdata/texts.js').then(m => m.compare())`)
	for _, w := range wrong {
		t.Error(w)
	}
	var asked []string
	sources, err := filepath.Glob("src/*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range sources {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		asked = append(asked, string(source))
	}
	all, err := json.Marshal(asked)
	if err != nil {
		t.Fatal(err)
	}
	missing := js[[]string](b, fmt.Sprintf(`import('/testdata/texts.js').then(m => m.asked(%s))`, all))
	for _, key := range missing {
		t.Errorf("no text for %s", key)
	}
}
