package tx

import (
	"context"

	"go.etcd.io/bbolt"

	"github.com/earshot-im/earshot/store/disk"
)

// Examine is disk.Examine with a Reader, which is valid until look returns.
func Examine(ctx context.Context, cfg disk.Config, look func(*disk.Examination, *Reader) error) (disk.Examination, error) {
	return disk.Examine(ctx, cfg, func(x *disk.Examination, t *bbolt.Tx) error {
		r := (&DB{}).reader(t)
		return look(x, &r)
	})
}
