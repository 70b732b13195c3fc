package store

import (
	"slices"

	"github.com/earshot-im/earshot/store/book"
	"github.com/earshot-im/earshot/store/changes"
	"github.com/earshot-im/earshot/store/desk"
	"github.com/earshot-im/earshot/store/ids"
	"github.com/earshot-im/earshot/store/shelf"
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
	bucketUnreadOf      = tx.Bucket("unreadof")
	bucketVoices        = tx.Bucket("voices")
	bucketNotices       = tx.Bucket("notices")
	bucketTold          = tx.Bucket("told")
	bucketWaiting       = tx.Bucket("waiting")
	bucketRecalls       = tx.Bucket("recalls")
	bucketCancelled     = tx.Bucket("cancelled")
	bucketReissued      = tx.Bucket("reissued")
	bucketUnlisted      = tx.Bucket("unlisted")
	bucketTwins         = tx.Bucket("twins")
	bucketDelivered     = tx.Bucket("delivered")
	bucketRead          = tx.Bucket("read")
	bucketUnsigned      = tx.Bucket("unsigned")
	bucketGaps          = tx.Bucket("gaps")
	bucketReworded      = tx.Bucket("reworded")
	bucketBlobRefs      = tx.Bucket("blobrefs")
	bucketBlobUsers     = tx.Bucket("blobusers")
	bucketAttached      = tx.Bucket("attached")
	bucketFileWork      = tx.Bucket("filework")
	bucketHeldHere      = tx.Bucket("heldhere")
	bucketHoldings      = tx.Bucket("holdings")
	bucketUnsaid        = tx.Bucket("unsaid")
	bucketHeldBy        = tx.Bucket("heldby")
	bucketFates         = tx.Bucket("fates")

	buckets = slices.Concat([]tx.Bucket{
		bucketMeta, bucketConversations, bucketLogNames, bucketAuthors, bucketLogs, bucketEvents, ids.Bucket, bucketKeys,
		bucketControls, bucketActs, bucketView, bucketArrivals, bucketUnread, bucketUnreadOf, bucketVoices, bucketNotices, bucketTold, bucketWaiting, bucketGaps,
		bucketRecalls, bucketCancelled, bucketReissued, bucketUnlisted, bucketTwins, bucketDelivered, bucketRead, bucketUnsigned, bucketReworded,
		bucketBlobRefs, bucketBlobUsers, bucketAttached, bucketFileWork, bucketHeldHere, bucketHoldings, bucketUnsaid, bucketHeldBy, bucketFates,
	}, book.Buckets, changes.Buckets, desk.Buckets, shelf.Buckets)

	// bucketsAscending lists the buckets whose keys mostly ascend.
	bucketsAscending = append([]tx.Bucket{
		bucketEvents, bucketView, bucketArrivals, bucketUnread, bucketUnreadOf, bucketNotices, bucketKeys, bucketBlobRefs, bucketAttached,
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
