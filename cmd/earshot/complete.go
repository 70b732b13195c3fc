package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/earshot-im/earshot/cmd/earshot/suggest"
	"github.com/earshot-im/earshot/node/localapi"
)

const (
	// completionTimeout bounds how long a shell waits for the node when its user presses Tab.
	completionTimeout = 500 * time.Millisecond

	// maxCompletions bounds what is offered, so that a shell doesn't ask whether to show it all.
	maxCompletions = 100
)

type completer = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective)

// whoever offers people and groups.
var whoever = suggest.Any(suggest.People, suggest.Groups)

// argumentSources are what stands in the places of commands, by their paths.
var argumentSources = map[string][]suggest.Source{
	"earshot send":             {whoever},
	"earshot history":          {whoever},
	"earshot outbox cancel":    {suggest.Waiting},
	"earshot contacts name":    {suggest.People},
	"earshot contacts replace": {suggest.People, suggest.People},
	"earshot contacts remove":  {suggest.People},
	"earshot verify":           {suggest.People},
	"earshot accept":           {suggest.Any(suggest.Requests, suggest.People)},
	"earshot block":            {suggest.People},
	"earshot unblock":          {suggest.People},
	"earshot group members":    {suggest.Groups},
	"earshot group invite":     {suggest.Groups, suggest.People},
	"earshot group leave":      {suggest.Groups},
	"earshot group remove":     {suggest.Groups, suggest.Members},
	"earshot group role":       {suggest.Groups, suggest.Members, suggest.Values("owner", "admin", "member")},
	"earshot group rename":     {suggest.Groups},
	"earshot group topic":      {suggest.Groups},
	"earshot group history":    {suggest.Groups, suggest.Values("joined", "all", "7d")},
	"earshot me accept":        {suggest.Values("everyone", "contacts")},
	"earshot me read-receipts": {suggest.Values("on", "off")},
}

// flagSources are what flags take, by the path of the command and the name of the flag. No other
// takes anything that can be known, but those of every command, which take files.
var flagSources = map[string]suggest.Source{
	"earshot up --interface": suggest.Interfaces,
	"earshot send --wait":    suggest.Values("queued", "delivered", "read"),
	"earshot recv --from":    suggest.People,
	"earshot recv --in":      whoever,
}

// completing has a command, and all below it, complete what they take. One of which nothing can be
// known offers nothing, rather than the names of files.
func (a *app) completing(c *cobra.Command) {
	sources := argumentSources[c.CommandPath()]
	if c.ValidArgsFunction == nil && !c.HasSubCommands() {
		c.ValidArgsFunction = a.completer(func(before []string) suggest.Source {
			switch n := len(before); {
			case n < len(sources):
				return sources[n]
			case len(sources) > 0 && strings.HasSuffix(c.Use, " WHO..."):
				return sources[len(sources)-1]
			}
			return nil
		})
	}
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		source := flagSources[c.CommandPath()+" --"+f.Name]
		_ = c.RegisterFlagCompletionFunc(f.Name, a.completer(func([]string) suggest.Source { return source })) // the flag is there, and has none yet
	})
	for _, sub := range c.Commands() {
		a.completing(sub)
	}
}

// completer asks the node what could stand behind some arguments. Without a node, or if it does not
// answer in time, nothing is offered, and nothing is said.
func (a *app) completer(sourceFor func(before []string) suggest.Source) completer {
	return func(c *cobra.Command, before []string, begun string) (all []cobra.Completion, _ cobra.ShellCompDirective) {
		source := sourceFor(before)
		if source == nil || a.prepare() != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(c.Context(), completionTimeout)
		defer cancel()
		client := localapi.Dial(a.dir)
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
