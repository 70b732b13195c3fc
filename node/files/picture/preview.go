package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"sync"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

const (
	// MaxPreview is the size of the largest preview, in bytes.
	MaxPreview = 8 << 10
	// MaxDecoded is the most memory that the pixels of a picture may take while they are decoded. All
	// pictures of a camera stay below, up to MaxPixels; of 50 megapixels it leaves out progressive JPEG,
	// CMYK, PNG of 16 bits and lossless WebP.
	MaxDecoded = 256 << 20
	// maxSide bounds both sides of a picture that is decoded. JPEG has no longer ones.
	maxSide = 1<<16 - 1
	// maxScans bounds how often a JPEG goes over its pixels; a progressive one does it about ten times.
	maxScans = 64
)

// previewSides and previewQualities are tried from the best until one fits in MaxPreview. The least of
// them always does.
var (
	previewSides     = []int{320, 240, 160, 96, 48}
	previewQualities = []int{75, 55, 35}
)

// decoding is held by whoever decodes: one picture at a time.
var decoding sync.Mutex

// Preview returns a small JPEG of a picture of your own, upright and on white, of at most MaxPreview
// bytes. The first frame stands for an animation. On an error the picture goes without: ErrTooLarge,
// ErrUnsupported, ErrUnknown, or ErrMalformed.
func Preview(b []byte) ([]byte, error) {
	i, err := Look(b)
	if err != nil {
		return nil, err
	}
	cost, err := decodedSize(b, i)
	if err != nil {
		return nil, err
	}
	if cost > MaxDecoded || i.Width > maxSide || i.Height > maxSide {
		return nil, ErrTooLarge
	}
	decoding.Lock()
	defer decoding.Unlock()
	full, err := decode(b, i.Type)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	canvas := image.Rect(0, 0, i.Width, i.Height)
	if !full.Bounds().In(canvas) {
		return nil, malformed("pixels outside of the picture")
	}
	small := shrink(full, canvas, previewSides[0])
	full = nil // what follows needs only the small one
	for _, side := range previewSides {
		if side < previewSides[0] {
			small = shrink(small, small.Bounds(), side)
		}
		upright := turn(small, i.Orientation)
		for _, quality := range previewQualities {
			var out bytes.Buffer
			if err := jpeg.Encode(&out, upright, &jpeg.Options{Quality: quality}); err != nil {
				return nil, err
			}
			if out.Len() <= MaxPreview {
				return out.Bytes(), nil
			}
		}
	}
	return nil, ErrTooLarge
}

// decodedSize returns about how much memory decoding takes, from the headers.
func decodedSize(b []byte, i Info) (int64, error) {
	pixels := int64(i.Width) * int64(i.Height)
	switch i.Type {
	case JPEG:
		return decodedJPEG(b)
	case PNG:
		depth, colours, interlaced := b[24], b[25], b[28] != 0
		size := pixels
		if colours != 0 && colours != 3 { // neither grey nor by palette
			size *= 4
		}
		if colours == 0 {
			size *= 4 // grey becomes colours where one grey is transparent
		}
		if depth == 16 {
			size *= 2
		}
		if interlaced { // each pass is a picture, the last of half of the pixels
			size += size / 2
		}
		return size, nil
	case GIF:
		return pixels, nil
	case WebP:
		return decodedWebP(b, pixels)
	}
	return 0, fmt.Errorf("%w: %s", ErrUnsupported, i.Type)
}

// decodedJPEG counts one byte for a sample, four more if all coefficients are kept until the last
// scan, and four for a pixel where the samples are put together.
func decodedJPEG(b []byte) (int64, error) {
	var size, assembled int64
	scans, raw := 0, false // raw: the samples are red, green and blue, or four inks
	for rest := b[2:]; ; {
		s, after, err := cutSegment(rest)
		if err != nil {
			return 0, err
		}
		rest = after
		switch {
		case s.marker == markerEOI && raw:
			return size + assembled, nil
		case s.marker == markerEOI:
			return size, nil
		case s.marker == markerAPP14:
			raw = raw || len(s.body) >= adobeSize && s.body[adobeSize-1] == 0
		case s.marker == markerSOS:
			if scans++; scans > maxScans {
				return 0, ErrTooLarge
			}
		case s.frame():
			f, err := readFrame(s)
			if err != nil {
				return 0, err
			}
			across, down, samples := 1, 1, 0
			for _, c := range f.sampling {
				across, down = max(across, c[0]), max(down, c[1])
				samples += c[0] * c[1]
			}
			units := int64((f.width+8*across-1)/(8*across)) * int64((f.height+8*down-1)/(8*down))
			size = units * 64 * int64(samples)
			if f.progressive {
				size *= 5
			}
			assembled = units * 64 * int64(across*down) * 4
			raw = raw || len(f.sampling) > 3 || s.body[6] == 'R'
		}
	}
}

// decodedWebP: a lossless bitmap is unpacked from one buffer into another; a lossy one has half a
// byte a pixel for its colours, and its transparency may be packed as a lossless one.
func decodedWebP(b []byte, pixels int64) (int64, error) {
	rest, err := webpBody(b)
	if err != nil {
		return 0, err
	}
	for transparent := false; len(rest) > 0; {
		var c webpChunk
		if c, rest, err = cutWebP(rest); err != nil {
			return 0, err
		}
		switch {
		case c.kind == "VP8X" && c.data[0]&webpAnimated != 0:
			return 0, fmt.Errorf("%w: animated WebP", ErrUnsupported)
		case c.kind == "ALPH":
			transparent = true
		case c.kind == "VP8L":
			return pixels * 8, nil
		case c.kind == "VP8 " && transparent:
			return pixels * 9, nil
		case c.kind == "VP8 ":
			return pixels * 3 / 2, nil
		}
	}
	return 0, malformed("no coded pixels")
}

func decode(b []byte, t Type) (image.Image, error) {
	r := bytes.NewReader(b)
	switch t {
	case JPEG:
		return jpeg.Decode(r)
	case PNG:
		return png.Decode(r)
	case GIF:
		return gif.Decode(r)
	default:
		return webp.Decode(r)
	}
}

// shrink draws a picture, which may fill only a part of its canvas, so that no side of the canvas is
// longer than said.
func shrink(full image.Image, canvas image.Rectangle, side int) *image.RGBA {
	width, height := canvas.Dx(), canvas.Dy()
	if longest := max(width, height); longest > side {
		width, height = max(1, width*side/longest), max(1, height*side/longest)
	}
	small := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(small, small.Bounds(), image.White, image.Point{}, draw.Src)
	from := full.Bounds()
	to := image.Rect(from.Min.X*width/canvas.Dx(), from.Min.Y*height/canvas.Dy(), from.Max.X*width/canvas.Dx(), from.Max.Y*height/canvas.Dy())
	draw.BiLinear.Scale(small, to, full, from, draw.Over, nil)
	return small
}

// turn returns the picture as it is shown: each pixel is fetched from where the orientation says it is
// stored.
func turn(stored *image.RGBA, orientation int) *image.RGBA {
	if orientation == 1 {
		return stored
	}
	w, h := stored.Bounds().Dx(), stored.Bounds().Dy()
	width, height := Info{Width: w, Height: h, Orientation: orientation}.Upright()
	upright := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			var from image.Point
			switch orientation {
			case 2:
				from = image.Pt(w-1-x, y)
			case 3:
				from = image.Pt(w-1-x, h-1-y)
			case 4:
				from = image.Pt(x, h-1-y)
			case 5:
				from = image.Pt(y, x)
			case 6:
				from = image.Pt(y, h-1-x)
			case 7:
				from = image.Pt(w-1-y, h-1-x)
			case 8:
				from = image.Pt(w-1-y, x)
			}
			upright.SetRGBA(x, y, stored.RGBAAt(from.X, from.Y))
		}
	}
	return upright
}
