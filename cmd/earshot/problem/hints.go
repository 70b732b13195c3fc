package problem

import "github.com/earshot-im/earshot/node/localapi"

// Codes of what fails on this side of the local API, beside those that the node answers.
const (
	CodeUsage        = "usage"
	codeNotRunning   = "not_running"
	codeNotAnswering = "not_answering"
	codeTimeout      = "timeout"
	CodeCancelled    = "cancelled"
	codeOutput       = "output"
	CodeInput        = "input"
	CodeLocked       = "locked"
	CodePassphrase   = "passphrase"
	CodeNotPrivate   = "not_private"
	codePath         = "path"
	codeVersion      = "version"
	codeStopped      = "interrupted"
	CodeAddress      = "address"
	CodeDamaged      = "damaged"
	codeFailed       = "failed"
	CodeUnverified   = "not_verified"
	CodeUnwritten    = "not_written"
	CodeNewer        = "newer"
	CodeDirectory    = "directory"
	CodePort         = "port"
	CodeHome         = "home"
	CodeOpenFiles    = "open_files"
	CodeAck          = "ack"
	CodeLines        = "lines"
	CodeForward      = "forward"
	CodeUnwell       = "unwell"
	CodeService      = "service"
)

// exits are the exit statuses of problems, by their codes, where it is not ExitFailed.
var exits = map[string]int{
	CodeUsage:              ExitUsage,
	CodeAddress:            ExitUsage,
	codeNotRunning:         ExitNotRunning,
	localapi.CodeUnknown:   ExitWho,
	localapi.CodeRenamed:   ExitWho,
	localapi.CodeAmbiguous: ExitWho,
	codeTimeout:            ExitTimeout,
}

func exitOf(code string) int {
	if exit, other := exits[code]; other {
		return exit
	}
	return ExitFailed
}

// HintMessage is the hint where no message is meant.
const HintMessage = "`earshot history WHO` shows the messages, with the first digits of their IDs"

// hints say what to do about a problem, by its code. That of CodeUsage names the command.
var hints = map[string]string{
	localapi.CodeUnknown:      "`earshot peers` shows who is here, `earshot contacts` whom you know, and `earshot group list` your groups",
	localapi.CodeAmbiguous:    "say which: use an ID instead of the name",
	localapi.CodeNameTaken:    "choose another name for them, which only you see: `accept` and `verify` take it as --petname NICKNAME; `contacts name --anyway` takes this one",
	localapi.CodeName:         "a name has 1 to 64 visible characters and doesn't look like an ID, or like what earshot says of people",
	localapi.CodeKeyUsed:      "use a new --key for a new message; `earshot history WHO --key KEY` shows what was sent with this one",
	localapi.CodeText:         "convert it to UTF-8 first, for example with iconv",
	localapi.CodeEmpty:        "give a text as an argument or on standard input",
	localapi.CodeTooLong:      "split it into several messages",
	localapi.CodeAcknowledged: "somebody has it; for two minutes `earshot recall ID` takes the words back",
	localapi.CodeUndelivered:  "`earshot receipts ID` shows who has it; whoever is brought into the group again can write there again",
	localapi.CodeNoMessage:    HintMessage,
	localapi.CodeBlocked:      "to write to them, `earshot unblock WHO` first",
	localapi.CodeWords:        "compare them again, face to face or by phone; if they differ, somebody may be between you",
	localapi.CodeSelf:         "name somebody else",
	localapi.CodeRenamed:      "use the name by which you know them, or the ID",
	localapi.CodeNotContact:   "see whom you know with `earshot contacts`",
	localapi.CodeContact:      "`earshot contacts remove WHO` takes somebody out of your contacts",
	localapi.CodeSetting:      "see `earshot me --help`",
	localapi.CodeNotMember:    "see your groups with `earshot group list`, and who is in one with `earshot group members GROUP`",
	localapi.CodeNotPermitted: "ask an owner or an admin who is senior: `earshot group members GROUP` shows who they are; only owners give roles",
	localapi.CodeRecalled:     "write a new one with `earshot send`",
	localapi.CodeGroupFull:    "make a new one with `earshot group create NAME`",
	localapi.CodeNotYours:     "only who wrote it can do that; answer it with `earshot send WHO TEXT --reply-to ID`",
	localapi.CodeTooLate:      "put it right with `earshot edit ID TEXT`, which may be done at any time",
	localapi.CodeOtherStore:   "begin anew where the node has the reader: `recv --as NAME` does so by itself",
	localapi.CodeEmoji:        "give one emoji, or a word of up to 64 bytes; '' takes yours back",
	localapi.CodeQuery:        "give up to 16 words, with 1,024 bytes in all, that have something to be seen; '\"two words\"' finds both together",
	localapi.CodeNoRoom:       "make room on the disk where the node has its directory, then do it again; nothing was lost",
	localapi.CodeUncertain:    "see whether it is there, as with `earshot history WHO`; a message with a --key may be sent again with the same one, and is there once",
	localapi.CodeNoFile:       "check that it is there and can be read; `earshot files` shows what is attached to messages",
	localapi.CodeTooLarge:     "send it in parts; what others send is bounded by `earshot me files max SIZE`",
	localapi.CodePicture:      "add --anyway to send it as it is, or leave out --picture: then it goes as a file, which is never changed",
	localapi.CodeVoice:        "leave out --voice to send it as a file; a voice note is Ogg Opus, or WebM with Opus, of at most 15 minutes and 4 MiB",
	localapi.CodeChanged:      "if it is yours, send it again when nothing writes to it any more; otherwise ask for it again",
	localapi.CodeNoFolder:     "name a folder to which the node can write with --to-dir, or set one with `earshot me files dir DIR`",
	localapi.CodeGone:         "it is fetched as soon as somebody who has it is on this network; otherwise ask for it again",
	localapi.CodeNotHeld:      "`earshot get ID` accepts it, and waits until it is here",
	localapi.CodeNoPage:       "`earshot web --new-address` tries another port; `earshot tui` needs none",
	localapi.CodeWebUser:      "run the node as a user of your own",
	localapi.CodeWebFile:      "`earshot web --new-address` writes it anew, and all browsers have to be let in again",
	localapi.CodeNoSession:    "`earshot web sessions` shows the browsers, with their IDs",
	localapi.CodeNoRecovery:   "you have said that they are on paper; nothing on this machine can show them again",
	localapi.CodeBusy:         "a script may have started readers without end, as `earshot recv --follow` or `send --wait`: end some, then do it again",
	localapi.CodeInvalid:      "see --help for what the command takes",
	localapi.CodeInternal:     "where `earshot up` runs, the node says more about it",
	codeNotRunning:            "start one with `earshot up --detach` and the same --dir, or name the directory of one that runs",
	codeNotAnswering:          "its process may be stopped (`fg` lets it go on), or have no file descriptors left (raise `ulimit -n`); else end it and start it again with `earshot up`; what it has begun may still be done if it goes on",
	codeTimeout:               "try a longer --timeout",
	CodeCancelled:             "`earshot outbox cancel` or `earshot recall` took it back; send it again if it is to arrive after all, by another --key if it had one",
	codeOutput:                "what was not written has not been marked read",
	CodeInput:                 "check that it exists and can be read",
	CodeLocked:                "nothing is wrong if that is the node you want; otherwise stop it with `earshot down` and the same --dir, or use another",
	CodePassphrase:            "give it with --passphrase-file FILE or EARSHOT_PASSPHRASE",
	CodeNotPrivate:            "take the rights of others away: chmod 700 the directory, or use another --dir",
	codePath:                  "use a --dir with a shorter path",
	codeVersion:               "the node is of another version: `earshot down`, then `earshot up` with this one",
	CodeAddress:               "--listen takes a port, as 4001; --peer takes HOST:PORT, or an address that `earshot status` shows at theirs; --interface takes a name, as eth0",
	CodeHome:                  "say with --dir or EARSHOT_DIR where the node is",
	CodeOpenFiles:             "raise the limit: `ulimit -n 1024` in the shell, LimitNOFILE=1024 in a unit of systemd",
	CodeNewer:                 "use the newer earshot that wrote it; nothing was changed",
	CodeDamaged:               "nothing was changed; restore the whole directory from a backup, or begin anew in an empty one",
	codeFailed:                "try again; if it stays so, report it with these words at https://github.com/earshot-im/earshot/issues",
	CodeDirectory:             "earshot must be able to make, read and write files there; use another directory with --dir, or put its rights right",
	CodePort:                  "stop that program, or choose another port with `--listen PORT`; `--listen 0` takes any that is free",
	CodeUsage:                 "see --help",
	codeStopped:               "run it again if you still want it; a message that was queued stays queued",
	CodeAck:                   "write the ID of each printed message to standard input, one a line, once it is dealt with; the others come again with the same --as",
	CodeLines:                 "put those lines right and send them alone; standard error has their numbers",
	CodeForward:               "standard error has each of them; the others have it, so leave them out when you try again",
	CodeUnwell:                "do what stands below each of them, then run `earshot doctor` again",
	CodeService:               "without a service, `earshot up --detach` starts the node in the background",
	CodeUnwritten:             "`earshot me recovery` shows the words: compare them with your paper",
	CodeUnverified:            "compare the words with the other person and answer yes if all are the same",
}
