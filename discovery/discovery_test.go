package discovery

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"net/netip"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	mh "github.com/multiformats/go-multihash"
)

func ips(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, t := range texts {
		out = append(out, netip.MustParseAddr(t))
	}
	return out
}

// stranger returns a device's ID, another for each i.
func stranger(i int) peer.ID {
	key := []byte{0x08, 0x01, 0x12, 0x20} // protobuf: Ed25519, 32 bytes
	key = append(key, make([]byte, 32)...)
	binary.BigEndian.PutUint32(key[8:], uint32(i))
	hash, _ := mh.Sum(key, mh.IDENTITY, -1)
	return peer.ID(hash)
}

// device returns a device's ID, always the same for a seed.
func device(seed byte) peer.ID {
	key, err := crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
	if err != nil {
		panic(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		panic(err)
	}
	return id
}

// otherSpellings returns IDs that are not the plain form of an Ed25519 key's: of
// other kinds of key, and a valid one as a CID.
func otherSpellings() map[string]string {
	key, _, err := crypto.GenerateSecp256k1Key(rand.Reader)
	if err != nil {
		panic(err)
	}
	inline, err := peer.IDFromPrivateKey(key)
	if err != nil {
		panic(err)
	}
	return map[string]string{
		"RSA":       "QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN",
		"secp256k1": inline.String(),
		"CID":       peer.ToCid(device(1)).String(),
	}
}
