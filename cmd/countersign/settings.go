package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"countersign/internal/config"
)

func configCommand(p process) *cobra.Command {
	return &cobra.Command{
		Use: "config", Short: "Show every setting of the gateway, its value and where it comes from; secrets stay hidden", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.settings(cmd, config.Config.ValidateServe)
			if err != nil {
				return err
			}
			return table(p.Out, "SETTING\tVALUE\tFROM", func(w io.Writer) {
				for _, s := range cfg.Describe() {
					fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, s.Value, cmp.Or(s.Origin.String(), string(s.Origin.Kind)))
				}
			})
		},
	}
}
