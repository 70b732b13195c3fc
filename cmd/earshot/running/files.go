package running

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/earshot-im/earshot/cmd/earshot/command"
	"github.com/earshot-im/earshot/cmd/earshot/problem"
	"github.com/earshot-im/earshot/node/localapi"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// meFilesCommand holds what is set of files and folders.
func (a app) meFilesCommand() *cobra.Command {
	c := command.Container(&cobra.Command{Use: "files", Short: "Set what is fetched by itself, and where files are saved"})
	c.AddCommand(
		a.meFiles("auto on|off|default", "Set whether small files are fetched by themselves", `Set whether what contacts send, and what comes in groups, is fetched by itself: files up to 32
MiB, pictures and voice notes up to 8. "default" is on where the node runs in a desktop session.`, "on, off or default",
			func(c *cobra.Command, v string) (*earshotv1.UpdateMeRequest, error) {
				if v != "on" && v != "off" && v != "default" {
					return nil, command.Usage(c, "use on, off or default, not "+command.Quote(v))
				}
				return &earshotv1.UpdateMeRequest{FilesAuto: &v}, nil
			}),
		a.meFiles("dir DIR", "Set the folder where files are saved", `Set the folder where files are saved; '' is the usual one.`, "DIR",
			func(_ *cobra.Command, v string) (*earshotv1.UpdateMeRequest, error) {
				if v == "" {
					return &earshotv1.UpdateMeRequest{FilesDir: &v}, nil
				}
				dir, err := filepath.Abs(v)
				if err != nil {
					return nil, problem.Failed(localapi.CodeNoFolder, "%v", err)
				}
				return &earshotv1.UpdateMeRequest{FilesDir: &dir}, nil
			}),
		a.meFiles("keep SIZE", "Set up to which size own files are copied", `Set up to which size the node makes a copy of what you send; a larger file is sent from where
it is, and must stay there as it is. SIZE is as 256MiB or 1GB; 0 copies nothing.`, "SIZE",
			func(c *cobra.Command, v string) (*earshotv1.UpdateMeRequest, error) {
				n, err := command.Size(c, v)
				if err == nil && n > localapi.MaxKeep {
					err = command.Usage(c, "SIZE "+command.Quote(v)+": at most 16GiB is copied")
				}
				return &earshotv1.UpdateMeRequest{FilesKeep: &n}, err
			}),
		a.meFiles("max SIZE", "Set how large files of others may be", `Set how large files of others may be that you accept. SIZE is as 500MB or 2GiB; 0 is no limit.`, "SIZE",
			func(c *cobra.Command, v string) (*earshotv1.UpdateMeRequest, error) {
				n, err := command.Size(c, v)
				return &earshotv1.UpdateMeRequest{FilesMax: &n}, err
			}),
	)
	for _, sub := range c.Commands() {
		if sub.Name() == "dir" {
			sub.ValidArgsFunction = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
				return nil, cobra.ShellCompDirectiveFilterDirs
			}
		}
	}
	return c
}

// meFiles is a command that sets one of them.
func (a app) meFiles(use, short, long, arg string, request func(c *cobra.Command, value string) (*earshotv1.UpdateMeRequest, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: func(c *cobra.Command, args []string) error {
			if err := command.Exactly(arg)(c, args); err != nil {
				return err
			}
			_, err := request(c, args[0])
			return err
		},
		RunE: func(c *cobra.Command, args []string) error {
			r, err := request(c, args[0])
			if err != nil {
				return err
			}
			return a.Ask(func(ctx context.Context, client *localapi.Client, _ []string) error {
				return a.update(ctx, client, r)
			})(c, args)
		},
	}
}
