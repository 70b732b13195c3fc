package picture

import "encoding/binary"

// HEIC and AVIF are boxes in boxes (ISO/IEC 14496-12, 23008-12): recognised and measured here, never
// written.

// maxBoxes bounds how many boxes are walked over at one level.
const maxBoxes = 1024

// recogniseBytes is how much of a file decides what it is.
const recogniseBytes = 64

// recogniseBoxes looks for the brands in the box that such a file begins with. A brand of pictures in
// general, without one of their coding, counts as HEIC.
func recogniseBoxes(head []byte) Type {
	if len(head) < 16 || string(head[4:8]) != "ftyp" {
		return Unknown
	}
	t := Unknown
	n := min(int64(binary.BigEndian.Uint32(head)), int64(len(head)), recogniseBytes)
	for at := int64(8); at+4 <= n; at += 4 {
		if at == 12 { // the version of the first
			continue
		}
		switch string(head[at : at+4]) {
		case "avif", "avis":
			return AVIF
		case "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "msf1":
			t = HEIC
		}
	}
	return t
}

// boxes calls f with the boxes of one level.
func boxes(b []byte, f func(kind string, body []byte)) error {
	for n := 0; len(b) > 0; n++ {
		if len(b) < 8 || n == maxBoxes {
			return malformed("box")
		}
		size, head := uint64(binary.BigEndian.Uint32(b)), 8
		switch {
		case size == 0: // as far as there is
			size = uint64(len(b))
		case size == 1 && len(b) >= 16:
			size, head = binary.BigEndian.Uint64(b[8:]), 16
		}
		if size < uint64(head) || size > uint64(len(b)) {
			return malformed("length of a box")
		}
		f(string(b[4:8]), b[head:size])
		b = b[size:]
	}
	return nil
}

// inside returns the first box of a kind.
func inside(b []byte, kind string) (body []byte, err error) {
	err = boxes(b, func(k string, in []byte) {
		if k == kind && body == nil {
			body = in
		}
	})
	return body, err
}

// lookBoxes takes the largest of the sizes that the file lists for the pictures in it: the others are
// of tiles and thumbnails. Turns and crops are not followed.
func lookBoxes(b []byte, t Type) (Info, error) {
	i := Info{Type: t, Orientation: 1}
	meta, err := inside(b, "meta")
	if err != nil {
		return i, err
	}
	if len(meta) < 4 {
		return i, malformed("no description")
	}
	list := meta[4:]
	for _, kind := range []string{"iprp", "ipco"} {
		if list, err = inside(list, kind); err != nil {
			return i, err
		}
	}
	err = boxes(list, func(kind string, body []byte) {
		if kind != "ispe" || len(body) < 12 {
			return
		}
		width, height := binary.BigEndian.Uint32(body[4:]), binary.BigEndian.Uint32(body[8:])
		if width > 1<<31-1 || height > 1<<31-1 || int64(width)*int64(height) <= int64(i.Width)*int64(i.Height) {
			return
		}
		i.Width, i.Height = int(width), int(height)
	})
	if err == nil && i.Width == 0 {
		err = malformed("no size")
	}
	return i, err
}
