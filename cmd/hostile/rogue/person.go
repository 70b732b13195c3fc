package rogue

import (
	cryptorand "crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"

	libcrypto "github.com/libp2p/go-libp2p/core/crypto"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"

	"github.com/earshot-im/earshot/crypto"
	"github.com/earshot-im/earshot/store/event"
)

// Must is for what this program makes itself, of which nothing can fail.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Random makes bytes random.
func Random(b []byte) { _, _ = cryptorand.Read(b) } // never fails

// Person is somebody with one device.
type Person struct {
	Key   crypto.DeviceKey
	Card  crypto.Card
	ID    crypto.PersonID
	Name  string
	TLS   *libp2ptls.Identity // of the device's key, unless it is replaced
	Store event.Instance
}

// Person makes the i-th person: another one in each run, unless there is a seed.
func (c *Client) Person(i int, name string) *Person {
	random := cryptorand.Reader
	if c.Seed != 0 {
		var seed [32]byte
		binary.BigEndian.PutUint64(seed[:], c.Seed)
		binary.BigEndian.PutUint64(seed[8:], uint64(i))
		random = rand.NewChaCha8(seed)
	}
	key := Must(crypto.NewDeviceKey(random))
	card, _, err := crypto.NewPerson(random, key)
	p := &Person{Key: key, Card: Must(card, err), ID: card.Person(), Name: fmt.Sprint(name, " ", i)}
	p.TLS = Must(libp2ptls.NewIdentity(Must(libcrypto.UnmarshalEd25519PrivateKey(key.Private()))))
	_ = Must(io.ReadFull(random, p.Store[:]))
	c.publish(p)
	return p
}

// Profile is a name that the person takes, the counter-th.
func (p *Person) Profile(counter uint64, name string) event.Record {
	return Must(event.NewRecord(p.Key, event.Record{
		Card: p.Card.Head(), Kind: event.KindProfile, Subject: event.ProfileSubject(p.ID),
		Counter: counter, Value: event.Profile{Name: name}.Marshal(),
	}))
}
