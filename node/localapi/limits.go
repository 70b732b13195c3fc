package localapi

import (
	"github.com/earshot-im/earshot/crypto/names"
	"github.com/earshot-im/earshot/store/event"
)

// What a request may hold. A node refuses more with CodeInvalid where no other code is named.
// Lengths of text are in bytes.
const (
	// MaxText is the longest text of a message; more is CodeTooLong.
	MaxText = event.MaxText

	// MaxName is the longest name of a person or group; more is CodeName.
	MaxName = names.MaxBytes

	// MaxTopic is the longest topic of a group.
	MaxTopic = event.MaxTopic

	// MaxEmoji is the longest reaction; more is CodeEmoji.
	MaxEmoji = event.MaxEmoji

	// MaxInvited is how many persons are invited in one call: one event holds them.
	MaxInvited = event.MaxInvited

	// MaxQuietHours is how many times of the day without notifications there may be.
	MaxQuietHours = 14

	// MaxFiles is how many files go with a message.
	MaxFiles = event.MaxAttachments

	// MaxFileName and MaxFileType are the longest name and media type of a file.
	MaxFileName = event.MaxFileName
	MaxFileType = event.MaxFileType

	// MaxKeep is up to which size own files may be copied; more is CodeSetting.
	MaxKeep = 16 << 30

	// MaxReader is the longest name of a reader, whose cursor is kept for ever.
	MaxReader = 64

	// MinPrefix is how many digits of the ID of a message say at least which one is meant: below that, many
	// begin alike by chance.
	MinPrefix = 8

	// DefaultPage and MaxPage bound the messages of one answer, and the IDs and cursors of one MarkRead: an
	// answer must not cost the node more than its caller needs to go on.
	DefaultPage = 100
	MaxPage     = 1000

	// MaxForwarded is to how many a message is forwarded in one call.
	MaxForwarded = 64

	// DefaultFound is how many messages one Search finds at most if its caller doesn't say; more than
	// MaxPage are refused.
	DefaultFound = 20

	// PageBytes bounds the text of one answer. An answer holds at least one message.
	PageBytes = 4 << 20

	// MaxLong is how many calls may be under way at once that last: streams, and Wait. More are refused
	// with CodeBusy. Each holds memory, a connection and now and then a processor, and a script that
	// starts readers without end must leave the owner a node that answers.
	MaxLong = 256

	// MaxRequest bounds a request as it is encoded: it has room for MaxText as JSON, where a byte
	// may take six. More is refused without a Problem, as resource_exhausted.
	MaxRequest = 512 << 10
)
