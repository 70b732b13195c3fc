package suggest

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/earshot-im/earshot/node/localapi"
)

const (
	// completionTimeout bounds how long a shell waits for the node when its user presses Tab.
	completionTimeout = 500 * time.Millisecond

	// maxCompletions bounds what is offered, so that a shell doesn't ask whether to show it all.
	maxCompletions = 100
)

// whoever offers people and groups; nothing is for what can't be known.
var (
	whoever = Any(People, Groups)
	nothing = Values()
)

// argumentSources are what stands in the places of commands, by their paths.
var argumentSources = map[string][]Source{
	"earshot send":             {whoever},
	"earshot chat":             {whoever},
	"earshot history":          {whoever},
	"earshot files":            {whoever},
	"earshot files accept":     {Received},
	"earshot files decline":    {Received},
	"earshot files pause":      {Received},
	"earshot files resume":     {Received},
	"earshot files cancel":     {Received},
	"earshot files drop":       {Received},
	"earshot get":              {Received},
	"earshot me files auto":    {Values("on", "off", "default")},
	"earshot me files keep":    {Values("0", "256MiB", "1GiB")},
	"earshot me files max":     {Values("0", "1GiB", "10GiB")},
	"earshot read":             {whoever},
	"earshot mute":             {whoever, Values("1h", "8h", "1d")},
	"earshot unmute":           {whoever},
	"earshot notify":           {whoever, Values("all", "mentions", "none")},
	"earshot pin":              {whoever},
	"earshot unpin":            {whoever},
	"earshot archive":          {whoever},
	"earshot unarchive":        {whoever},
	"earshot forward":          {nothing, whoever},
	"earshot doctor":           {People},
	"earshot outbox cancel":    {Waiting},
	"earshot web end":          {Browsers},
	"earshot contacts name":    {People},
	"earshot contacts replace": {People, People},
	"earshot contacts remove":  {People},
	"earshot verify":           {People},
	"earshot requests":         {Any(Requests, People)},
	"earshot accept":           {Any(Requests, People)},
	"earshot block":            {People},
	"earshot unblock":          {People},
	"earshot group members":    {Groups},
	"earshot group invite":     {Groups, People},
	"earshot group leave":      {Groups},
	"earshot group remove":     {Groups, Members},
	"earshot group role":       {Groups, Members, Values("owner", "admin", "member")},
	"earshot group rename":     {Groups},
	"earshot group topic":      {Groups},
	"earshot group hide":       {Groups},
	"earshot group unhide":     {Groups},
	"earshot group history":    {Groups, Values("joined", "all", "7d")},
	"earshot me accept":        {Values("everyone", "contacts")},
	"earshot me read-receipts": {Values("on", "off")},
	"earshot me typing":        {Values("on", "off")},
	"earshot me presence":      {Values("on", "off")},
	"earshot me alerts":        {Values("full", "name", "nothing")},
	"earshot me quiet":         {Values("off", "1h", "8h", "1d")},
	"earshot me quiet-hours":   {Values("off", "22:00-07:00")},
}

// flagSources are what flags take, by the path of the command and the name of the flag. No other
// takes anything that can be known, but those of every command, which take files.
var flagSources = map[string]Source{
	"earshot up --interface": Interfaces,
	"earshot send --wait":    Values("queued", "delivered", "read", "held"),
	"earshot recv --from":    People,
	"earshot recv --in":      whoever,
	"earshot search --from":  People,
	"earshot edit --in":      whoever,
	"earshot recall --in":    whoever,
	"earshot react --in":     whoever,
	"earshot receipts --in":  whoever,
	"earshot forward --in":   whoever,
	"earshot watch --from":   People,
	"earshot watch --in":     whoever,

	"earshot outbox cancel --in": whoever,
	"earshot search --in":        whoever,

	"earshot get --in":           whoever,
	"earshot get --to":           Values("-"),
	"earshot files accept --in":  whoever,
	"earshot files decline --in": whoever,
	"earshot files pause --in":   whoever,
	"earshot files resume --in":  whoever,
	"earshot files cancel --in":  whoever,
	"earshot files drop --in":    whoever,
}

// pathFlags are the flags that take a file or a folder of this machine, which the shell itself knows.
var pathFlags = map[string]cobra.ShellCompDirective{
	"earshot send --file":  cobra.ShellCompDirectiveDefault,
	"earshot get --to-dir": cobra.ShellCompDirectiveFilterDirs,
}

// Complete has a command, and all below it, complete what they take. One of which nothing can be
// known offers nothing, rather than the names of files. dir finds out where the node is; it is asked
// when the flags are known.
func Complete(c *cobra.Command, dir func() (string, error)) {
	sources := argumentSources[c.CommandPath()]
	if c.ValidArgsFunction == nil && (!c.HasSubCommands() || len(sources) > 0) {
		c.ValidArgsFunction = completer(dir, func(before []string) Source {
			switch n := len(before); {
			case n < len(sources):
				return sources[n]
			case len(sources) > 0 && strings.HasSuffix(strings.TrimSuffix(c.Use, "]"), "WHO..."):
				return sources[len(sources)-1]
			}
			return nil
		})
	}
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if directive, isPath := pathFlags[c.CommandPath()+" --"+f.Name]; isPath {
			_ = c.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(nil, directive))
			return
		}
		source := flagSources[c.CommandPath()+" --"+f.Name]
		_ = c.RegisterFlagCompletionFunc(f.Name, completer(dir, func([]string) Source { return source })) // the flag is there, and has none yet
	})
	for _, sub := range c.Commands() {
		Complete(sub, dir)
	}
}

// completer asks the node what could stand behind some arguments. Without a node, or if it does not
// answer in time, nothing is offered, and nothing is said.
func completer(dir func() (string, error), sourceFor func(before []string) Source) cobra.CompletionFunc {
	return func(c *cobra.Command, before []string, begun string) (all []cobra.Completion, _ cobra.ShellCompDirective) {
		source := sourceFor(before)
		if source == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		at, err := dir()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(c.Context(), completionTimeout)
		defer cancel()
		client := localapi.Dial(at)
		defer client.Close()
		offered, err := source(ctx, client, before)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		begun = strings.ToLower(strings.TrimPrefix(begun, "#"))
		for _, s := range offered {
			if strings.HasPrefix(strings.ToLower(s.Word), begun) && len(all) < maxCompletions {
				all = append(all, cobra.CompletionWithDesc(s.Word, s.About))
			}
		}
		return all, cobra.ShellCompDirectiveNoFileComp
	}
}
