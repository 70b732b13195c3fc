package picture

import (
	"bytes"
	"encoding/binary"
)

// The markers of JPEG, after their 0xff: ITU-T T.81, table B.1.
const (
	markerSOF0  = 0xc0 // to 0xcf, but for the three that follow
	markerDHT   = 0xc4
	markerJPG   = 0xc8
	markerDAC   = 0xcc
	markerSOF15 = 0xcf
	markerRST0  = 0xd0
	markerRST7  = 0xd7
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerDQT   = 0xdb
	markerDNL   = 0xdc
	markerDRI   = 0xdd
	markerAPP0  = 0xe0
	markerAPP1  = 0xe1
	markerAPP2  = 0xe2
	markerAPP14 = 0xee
	markerAPP15 = 0xef
	markerCOM   = 0xfe
)

const (
	exifHead = "Exif\x00\x00"
	jfifHead = "JFIF\x00"
	iccHead  = "ICC_PROFILE\x00"
	// What JFIF and Adobe fix; longer ones carry a thumbnail, or what nobody has asked for.
	jfifSize  = 14
	adobeHead = "Adobe"
	adobeSize = 12
)

// segment is a marker of JPEG with what belongs to it.
type segment struct {
	marker byte
	body   []byte // without the length that stands before it
	scan   []byte // the coded pixels that follow SOS, with their restart markers
}

func (s segment) frame() bool {
	return s.marker >= markerSOF0 && s.marker <= markerSOF15 && s.marker != markerDHT && s.marker != markerJPG && s.marker != markerDAC
}

func (s segment) isJFIF() bool {
	return s.marker == markerAPP0 && bytes.HasPrefix(s.body, []byte(jfifHead))
}

// cutSegment returns the first segment, and what follows it.
func cutSegment(b []byte) (s segment, rest []byte, err error) {
	if len(b) < 2 || b[0] != 0xff {
		return s, nil, malformed("no marker where one must be")
	}
	for len(b) > 0 && b[0] == 0xff { // a marker may be filled up in front
		b = b[1:]
	}
	if len(b) == 0 {
		return s, nil, malformed("ends in a marker")
	}
	s.marker, b = b[0], b[1:]
	if s.marker == markerEOI {
		return s, b, nil
	}
	if s.marker < markerSOF0 || s.marker >= markerRST0 && s.marker <= markerSOI {
		return s, nil, malformed("marker at a wrong place")
	}
	if len(b) < 2 {
		return s, nil, malformed("ends in a segment")
	}
	n := int(binary.BigEndian.Uint16(b))
	if n < 2 || n > len(b) {
		return s, nil, malformed("length of a segment")
	}
	s.body, b = b[2:n], b[n:]
	if s.marker == markerSOS {
		end, err := scanEnd(b)
		if err != nil {
			return s, nil, err
		}
		s.scan, b = b[:end], b[end:]
	}
	return s, b, nil
}

// scanEnd returns where coded pixels end: at a marker that is neither a stuffed 0xff nor a restart.
func scanEnd(b []byte) (int, error) {
	for at := 0; ; {
		next := bytes.IndexByte(b[at:], 0xff)
		if next < 0 {
			return 0, malformed("ends in a scan")
		}
		at += next
		end := at
		for at < len(b) && b[at] == 0xff {
			at++
		}
		switch {
		case at == len(b):
			return 0, malformed("ends in a scan")
		case b[at] == 0 && at == end+1, b[at] >= markerRST0 && b[at] <= markerRST7:
			at++
		case b[at] == 0:
			return 0, malformed("filled up without a marker")
		default:
			return end, nil
		}
	}
}

// lookJPEG reads up to the first scan.
func lookJPEG(b []byte) (Info, error) {
	i := Info{Type: JPEG}
	for rest := b[2:]; ; {
		s, after, err := cutSegment(rest)
		switch {
		case err != nil:
			return i, err
		case s.marker == markerSOS && i.Width == 0, s.marker == markerEOI:
			return i, malformed("no frame before the first scan")
		case s.marker == markerSOS:
			if i.Orientation == 0 {
				i.Orientation = 1
			}
			return i, nil
		case s.frame():
			if i.Width != 0 {
				return i, malformed("two frames")
			}
			f, err := readFrame(s)
			if err != nil {
				return i, err
			}
			i.Width, i.Height = f.width, f.height
		case s.marker == markerAPP1 && i.Orientation == 0 && bytes.HasPrefix(s.body, []byte(exifHead)):
			i.Orientation = readOrientation(s.body[len(exifHead):])
		}
		rest = after
	}
}

// jpegFrame is what SOF says.
type jpegFrame struct {
	progressive   bool
	width, height int
	sampling      [][2]int // of each component, across and down
}

func readFrame(s segment) (jpegFrame, error) {
	b := s.body
	if len(b) < 6 || b[5] < 1 || b[5] > 4 || len(b) != 6+3*int(b[5]) {
		return jpegFrame{}, malformed("length of the frame")
	}
	f := jpegFrame{
		progressive: s.marker&3 == 2,
		height:      int(binary.BigEndian.Uint16(b[1:])),
		width:       int(binary.BigEndian.Uint16(b[3:])),
	}
	if f.width == 0 || f.height == 0 { // a height that is said after the scan is not read
		return f, malformed("a frame of no size")
	}
	for c := b[6:]; len(c) > 0; c = c[3:] {
		across, down := int(c[1]>>4), int(c[1]&15)
		if across < 1 || across > 4 || down < 1 || down > 4 {
			return f, malformed("sampling")
		}
		f.sampling = append(f.sampling, [2]int{across, down})
	}
	return f, nil
}

// stripJPEG writes what stays. The orientation stands before all else but JFIF, where readers look
// for it.
func stripJPEG(b []byte, orientation int) ([]byte, error) {
	var exif []byte
	if tiff := writeOrientation(orientation); tiff != nil {
		exif = appendSegment(nil, segment{marker: markerAPP1, body: append([]byte(exifHead), tiff...)})
	}
	out := make([]byte, 0, len(b)+len(exif))
	out = append(out, 0xff, markerSOI)
	jfif, frames, scans := false, 0, 0
	for rest := b[2:]; ; {
		s, after, err := cutSegment(rest)
		if err != nil {
			return nil, err
		}
		rest = after
		keep, err := kept(&s)
		if err != nil {
			return nil, err
		}
		switch {
		case s.marker == markerEOI:
			if scans == 0 {
				return nil, malformed("no scan")
			}
			return append(out, 0xff, markerEOI), nil
		case !keep:
			continue
		case s.marker >= markerAPP0 && scans > 0: // readers differ in whether they still heed it
			return nil, malformed("what colours mean is said after a scan")
		case s.isJFIF():
			if jfif {
				continue
			}
			jfif = true
			out = appendSegment(out, s)
			continue
		case s.marker == markerSOS:
			scans++
		case s.frame():
			frames++
		}
		if frames > 1 || scans > 0 && frames == 0 {
			return nil, malformed("not one frame before the scans")
		}
		out = append(out, exif...)
		exif = nil
		out = appendSegment(out, s)
	}
}

// kept says whether a segment stays, and cuts off what must not.
func kept(s *segment) (bool, error) {
	switch m := s.marker; {
	case s.isJFIF():
		if len(s.body) < jfifSize {
			return false, malformed("length of JFIF")
		}
		s.body = append(bytes.Clone(s.body[:jfifSize-2]), 0, 0) // a thumbnail of 0 × 0
		return true, nil
	case m == markerAPP2:
		return bytes.HasPrefix(s.body, []byte(iccHead)), nil
	case m == markerAPP14:
		if !bytes.HasPrefix(s.body, []byte(adobeHead)) || len(s.body) < adobeSize {
			return false, nil
		}
		s.body = s.body[:adobeSize]
		return true, nil
	case m >= markerAPP0 && m <= markerAPP15, m == markerCOM:
		return false, nil
	case s.frame(), m == markerDHT, m == markerDAC, m == markerDQT, m == markerDRI, m == markerDNL, m == markerSOS, m == markerEOI:
		return true, nil
	}
	return false, malformed("marker of no use")
}

func appendSegment(out []byte, s segment) []byte {
	out = append(out, 0xff, s.marker)
	out = binary.BigEndian.AppendUint16(out, uint16(len(s.body)+2))
	out = append(out, s.body...)
	return append(out, s.scan...)
}
