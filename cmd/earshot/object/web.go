package object

import earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"

// Page is where the page in a browser is.
type Page struct {
	Address string `json:"address"`
	Port    uint32 `json:"port"`
	URL     string `json:"url,omitempty"`
	SSH     string `json:"ssh,omitempty"`
}

// OfPage makes the object of the page, with its link where there is a command for another machine too.
func OfPage(r *earshotv1.OpenWebResponse, ssh string) Page {
	v := Page{Address: r.Address, Port: r.Port, SSH: ssh}
	if ssh != "" {
		v.URL = r.Url
	}
	return v
}

// WebSession is a browser that may use the page.
type WebSession struct {
	ID      string `json:"id"`
	Browser string `json:"browser"`
	Begun   string `json:"begun"`
	Used    string `json:"used"`
	Calls   uint32 `json:"calls"`
}

// OfWebSession makes the object of a browser that may use the page.
func OfWebSession(s *earshotv1.WebSession) WebSession {
	return WebSession{s.Id, s.Browser, rfc3339(s.Begun), rfc3339(s.Used), s.Calls}
}
