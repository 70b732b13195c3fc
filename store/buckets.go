package store

import (
	"slices"

	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/changes"
	"github.com/earshot-im/earshot/store/ids"
	"github.com/earshot-im/earshot/store/tx"
)

// The buckets of FORMAT.md, section "Database". Package layout has their keys and values.
var (
	bucketMeta          = tx.Bucket("meta")
	bucketConversations = tx.Bucket("conversations")
	bucketLogNames      = tx.Bucket("lognames")
	bucketAuthors       = tx.Bucket("authors")
	bucketLogs          = tx.Bucket("logs")
	bucketEvents        = tx.Bucket("events")
	bucketKeys          = tx.Bucket("keys")
	bucketControls      = tx.Bucket("controls")
	bucketActs          = tx.Bucket("acts")
	bucketView          = tx.Bucket("view")
	bucketArrivals      = tx.Bucket("arrivals")
	bucketUnread        = tx.Bucket("unread")
	bucketNotices       = tx.Bucket("notices")
	bucketTold          = tx.Bucket("told")
	bucketWaiting       = tx.Bucket("waiting")
	bucketRecalls       = tx.Bucket("recalls")
	bucketCancelled     = tx.Bucket("cancelled")
	bucketReissued      = tx.Bucket("reissued")
	bucketTwins         = tx.Bucket("twins")
	bucketDelivered     = tx.Bucket("delivered")
	bucketRead          = tx.Bucket("read")
	bucketUnsigned      = tx.Bucket("unsigned")
	bucketGaps          = tx.Bucket("gaps")
	bucketReworded      = tx.Bucket("reworded")

	buckets = slices.Concat([]tx.Bucket{
		bucketMeta, bucketConversations, bucketLogNames, bucketAuthors, bucketLogs, bucketEvents, ids.Bucket, bucketKeys,
		bucketControls, bucketActs, bucketView, bucketArrivals, bucketUnread, bucketNotices, bucketTold, bucketWaiting, bucketGaps,
		bucketRecalls, bucketCancelled, bucketReissued, bucketTwins, bucketDelivered, bucketRead, bucketUnsigned, bucketReworded,
	}, book.Buckets, changes.Buckets)

	// bucketsAscending lists the buckets whose keys mostly ascend.
	bucketsAscending = append([]tx.Bucket{
		bucketEvents, bucketView, bucketArrivals, bucketUnread, bucketNotices, bucketKeys,
	}, changes.Ascending...)

	metaVersion  = []byte("version")
	metaInstance = []byte("instance")
	metaMAC      = []byte("mac")
	metaFile     = []byte("file")
	metaEra      = []byte("era")
	metaRestored = []byte("restored")
)

// formatVersion is the version of the database that this program writes.
const formatVersion = 1
