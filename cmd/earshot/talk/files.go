package talk

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/sending"
	"github.com/earshot-im/earshot/cmd/earshot/transfer"
	"github.com/earshot-im/earshot/node/localapi"
)

// pathsFlag is --file. It notes how many arguments stood before the last one: these are WHO, and what comes
// behind it is TEXT.
type pathsFlag struct {
	flags *pflag.FlagSet
	paths []string
	whos  int
}

func (p *pathsFlag) Set(path string) error {
	if path == "" {
		return errors.New("the path is empty")
	}
	p.paths = append(p.paths, path)
	p.whos = p.flags.NArg()
	return nil
}

func (p *pathsFlag) String() string { return "" }
func (p *pathsFlag) Type() string   { return "path" }

// attach is what `send` is told of files.
type attach struct {
	file pathsFlag
	how  transfer.How
}

func (f *attach) flags(c *cobra.Command) {
	flags := c.Flags()
	f.file.flags = flags
	flags.Var(&f.file, "file", "send the file or folder `PATH`, with TEXT or without; may be repeated")
	flags.BoolVar(&f.how.Picture, "picture", false, "with --file: a picture to be shown; what tells place and device is taken out")
	flags.BoolVar(&f.how.Voice, "voice", false, "with --file: a voice note, Ogg Opus or WebM with Opus")
	flags.BoolVar(&f.how.Keep, "keep", false, "with --file: make a copy, however large it is")
	flags.BoolVar(&f.how.InPlace, "in-place", false, "with --file: make no copy; leave the file there until everybody has it")
	flags.BoolVar(&f.how.Anyway, "anyway", false, "with --picture: send it as it is if place and device can't be taken out")
}

// split divides the arguments into WHO and TEXT.
func (f *attach) split(args []string) (whos, text []string) {
	at := 1
	if len(f.file.paths) > 0 && f.file.whos > 0 {
		at = f.file.whos
	}
	at = min(at, len(args))
	return args[:at], args[at:]
}

func (f *attach) check(c *cobra.Command, text []string) error {
	for _, name := range []string{"picture", "voice", "keep", "in-place", "anyway"} {
		if c.Flags().Changed(name) && len(f.file.paths) == 0 {
			return command.Usage(c, "--"+name+" is for --file")
		}
	}
	switch {
	case f.how.Picture && f.how.Voice, f.how.Keep && f.how.InPlace:
		return command.Usage(c, "--picture and --voice, and --keep and --in-place, exclude each other")
	case f.how.Anyway && !f.how.Picture:
		return command.Usage(c, "--anyway is for --picture")
	case len(f.file.paths) > localapi.MaxFiles:
		return command.Usage(c, "too many files for one message: send a folder")
	case len(f.file.paths) > 0 && len(text) > 0 && allFiles(text):
		return command.Usage(c, command.Quote(text[0])+" stands where the text does, and is a file: give each file its own --file, or the text on standard input, as -")
	}
	return nil
}

// allFiles reports whether all arguments are names of files: so the shell writes them for a pattern.
func allFiles(args []string) bool {
	for _, arg := range args {
		if _, err := os.Lstat(arg); err != nil || arg == "-" {
			return false
		}
	}
	return true
}

// send sends one message with files to each. Whom the names mean is found out before a file is read.
func (f *attach) send(ctx context.Context, a app, s *sending.Sender, whos, text []string) error {
	to, err := s.Resolve(ctx, whos)
	if err != nil {
		if p := problem.Explain(err); len(whos) > 1 && p.Exit == problem.ExitWho {
			p.Hint += "; a text stands behind the last --file"
			return p
		}
		return err
	}
	words := ""
	if len(text) > 0 {
		if words, err = sending.Text(text, a.Stdin); err != nil {
			return err
		}
	}
	mover := a.Mover(s.Client)
	if s.Files, err = mover.Add(ctx, f.file.paths, f.how); err != nil {
		return err
	}
	if s.Wait == "held" && (mover.Bars || mover.Out.JSON) {
		s.Meanwhile = mover.Watch
	}
	return s.SendEach(ctx, to, words)
}
