package plugin

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// versionInfo is what version prints, in kubectl's shape.
type versionInfo struct {
	ClientVersion clientVersion `json:"clientVersion"`
}

type clientVersion struct {
	Version   string `json:"version"`
	GitCommit string `json:"gitCommit,omitempty"`
	GoVersion string `json:"goVersion"`
	Platform  string `json:"platform"`
}

func newVersionCommand(env *Environment) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version [flags]",
		Short: "Print the version of this plugin",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info := versionInfo{clientVersion{
				Version:   env.Version,
				GitCommit: builtFrom(),
				GoVersion: runtime.Version(),
				Platform:  runtime.GOOS + "/" + runtime.GOARCH,
			}}
			return printVersion(env, info, output)
		},
	}
	cmd.Flags().VarP(choice{&output, []string{"json", "yaml"}}, "output", "o", "output format")
	completeFlag(cmd, "output", "json", "yaml")
	cmd.Flags().Bool("client", true, "only this program's version; there is no other, the flag is kubectl's")
	return cmd
}

func printVersion(env *Environment, info versionInfo, output string) error {
	switch output {
	case "json":
		encoder := json.NewEncoder(env.Out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(info)
	case "yaml":
		text, err := yaml.Marshal(info)
		if err != nil {
			return err
		}
		_, err = env.Out.Write(text)
		return err
	default:
		_, err := io.WriteString(env.Out, versionText(info.ClientVersion.Version))
		return err
	}
}

// versionText is what version and --version print, in the words of kubectl version.
func versionText(version string) string { return fmt.Sprintf("Client Version: %s\n", version) }

// builtFrom returns the commit that the go command recorded.
func builtFrom() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return ""
}
