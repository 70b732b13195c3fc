package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var linkToPage = regexp.MustCompile(`http://[a-z0-9]+(?:\.localhost)?:\d+/#[a-z2-7]+`)

// cmdLetIn is a browser that opens the link that was last printed, or is in a file, and has its session kept
// in $secret, $cookie and $page.
func cmdLetIn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: letin [FILE]")
	}
	text := ts.ReadFile("stdout")
	if len(args) > 0 {
		text = ts.ReadFile(args[0])
	}
	link, err := url.Parse(linkToPage.FindString(text))
	ts.Check(err)
	r, err := http.NewRequest("POST", "http://127.0.0.1:"+link.Port()+"/session", strings.NewReader(`{"code":"`+link.Fragment+`"}`))
	ts.Check(err)
	r.Host = link.Host
	for name, value := range map[string]string{"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin", "User-Agent": "Firefox/1.0 Linux"} {
		r.Header.Set(name, value)
	}
	w, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	ts.Check(err)
	var session struct{ Secret string }
	if err := json.Unmarshal(b, &session); err != nil || w.StatusCode != http.StatusOK || len(w.Cookies()) != 1 {
		ts.Fatalf("%d %s", w.StatusCode, b)
	}
	ts.Setenv("secret", session.Secret)
	ts.Setenv("cookie", w.Cookies()[0].Name+"="+w.Cookies()[0].Value)
	ts.Setenv("page", link.Host)
}

// cmdPage asks what the page would, with the session of letin, and writes the answer to the file "answer".
func cmdPage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: page METHOD STATUS [REQUEST]")
	}
	request := "{}"
	if len(args) == 3 {
		request = args[2]
	}
	_, port, _ := strings.Cut(ts.Getenv("page"), ":")
	r, err := http.NewRequest("POST", "http://127.0.0.1:"+port+"/earshot.v1."+args[0], strings.NewReader(request))
	ts.Check(err)
	r.Host = ts.Getenv("page")
	for name, value := range map[string]string{"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin", "Earshot-Secret": ts.Getenv("secret"), "Cookie": ts.Getenv("cookie")} {
		r.Header.Set(name, value)
	}
	w, err := http.DefaultClient.Do(r)
	for end := time.Now().Add(30 * time.Second); err != nil && args[1] != "none" && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond) // a node that has just started serves the page soon
		r.Body, _ = r.GetBody()
		w, err = http.DefaultClient.Do(r)
	}
	if args[1] == "none" {
		if err == nil {
			ts.Fatalf("the page is served")
		}
		return
	}
	ts.Check(err)
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	ts.Check(err)
	if !strings.HasPrefix(w.Status, args[1]+" ") {
		ts.Fatalf("%s, want %s: %s", w.Status, args[1], b)
	}
	ts.Check(os.WriteFile(ts.MkAbs("answer"), b, 0o600))
}
