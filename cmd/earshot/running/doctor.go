package running

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/advice"
	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/doctor"
	"github.com/earshot-im/earshot/cmd/earshot/passphrase"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

func (a app) doctorCommand() *cobra.Command {
	var probe bool
	c := &cobra.Command{
		Use:   "doctor [WHO]",
		Short: "Find out what is wrong, and what to do about it",
		Long: `Look at this machine, its network and what earshot has stored, have contacts who are
connected try to reach this machine, and say what is wrong and what to do. With WHO it
also says what keeps you from that person. It changes nothing, and takes up to 20 s.

Where earshot does not run, it says why it may not start. The exit status is 1 if
anything is wrong.`,
		Example: "  earshot doctor\n  earshot doctor bob\n  earshot doctor --probe",
		Args: func(c *cobra.Command, args []string) error {
			return command.Exactly(make([]string, min(1, len(args)))...)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			d := examination{app: a, by: advice.Adviser{Program: advice.Program(a.Named), Firewalls: doctor.Firewalls()}, probe: probe}
			if len(args) > 0 {
				d.who = args[0]
			}
			return d.run(c.Context())
		},
	}
	c.Flags().BoolVar(&probe, "probe", false, "also try the addresses of this network, one by one")
	return c
}

// examination is one run of the doctor.
type examination struct {
	app
	by    advice.Adviser
	who   string
	probe bool

	checks int
	wrong  []*earshotv1.Check
	away   []*earshotv1.Check // by advice.IsAway
	empty  bool               // nobody else is here
}

func (d *examination) run(ctx context.Context) error {
	client := localapi.Dial(d.Dir)
	defer client.Close()
	if !d.Out.JSON && terminal.Is(d.Stderr) {
		fmt.Fprintln(d.Stderr, "looking; this takes up to 20 seconds")
	}
	status, err := client.Status(ctx, &earshotv1.StatusRequest{})
	switch {
	case err == nil:
		err = d.running(ctx, client, status)
	case problem.Unanswered(err):
		err = d.alone(ctx)
	}
	if said := d.last(); said != nil { // what was found is said also where not all was looked at
		return said
	}
	if err != nil {
		return err
	}
	return d.end()
}

// running asks the node.
func (d *examination) running(ctx context.Context, client *localapi.Client, status *earshotv1.StatusResponse) error {
	d.empty = status.Online == 0
	stream, err := client.Examine(ctx, &earshotv1.ExamineRequest{Who: d.who, Probe: d.probe})
	if err != nil {
		return err
	}
	defer stream.Close()
	more := stream.Receive()
	tooOld := problem.UnknownTo(stream.Err())
	if !more && !tooOld { // it may know nobody of that name: then nothing else is said
		return stream.Err()
	}
	for _, c := range doctor.Running(d.Dir, status.Version, d.Version, !tooOld) {
		if err := d.tell(c); err != nil {
			return err
		}
	}
	for ; more; more = stream.Receive() {
		if err := d.tell(stream.Msg()); err != nil {
			return err
		}
	}
	if tooOld { // which was said
		return nil
	}
	return stream.Err()
}

// alone looks where no node can be asked.
func (d *examination) alone(ctx context.Context) error {
	secret, err := passphrase.Read(d.PassphraseFile)
	if err != nil {
		return err
	}
	if !d.Out.JSON && (d.who != "" || d.probe) {
		fmt.Fprintln(d.Stderr, "about other people and machines only a running earshot can say something")
	}
	e := doctor.Examiner{Dir: d.Dir, Passphrase: secret, Tell: d.tell}
	return e.Alone(ctx)
}

// tell writes a check. For people, what is wrong waits until the end, where they look for it.
func (d *examination) tell(c *earshotv1.Check) error {
	d.checks++
	if !c.Ok {
		d.wrong = append(d.wrong, c)
	}
	switch {
	case d.Out.JSON:
	case !c.Ok:
		return nil
	case advice.IsAway(c):
		d.away = append(d.away, c)
		return nil
	}
	return d.Out.Check(d.Stdout, c, d.by)
}

// last writes what has waited.
func (d *examination) last() error {
	if d.Out.JSON {
		return nil
	}
	if len(d.away) > 0 {
		if err := d.Out.Away(d.Stdout, d.away); err != nil {
			return err
		}
	}
	if len(d.wrong) == 0 {
		return nil
	}
	if d.checks > len(d.wrong) {
		fmt.Fprintln(d.Stdout)
	}
	return d.Out.Checks(d.Stdout, d.wrong, d.by)
}

// end says what all of it comes to.
func (d *examination) end() error {
	switch {
	case len(d.wrong) > 0:
		return problem.Failed(problem.CodeUnwell, "%d of %d checks found something wrong", len(d.wrong), d.checks)
	case d.Out.JSON:
		return nil
	}
	last := "Nothing is wrong."
	if d.empty {
		last = "Nothing is wrong on this machine, but nobody else is here. Start earshot on another machine of this network, "
		if !d.probe {
			last += "search the network with `earshot doctor --probe`, "
		}
		last += "or name a machine with `earshot up --peer ADDRESS`."
	}
	return d.Out.Paragraph(d.Stdout, last)
}
