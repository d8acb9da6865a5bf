// Package configs holds the files that an operator starts from: the settings with every
// key explained, and routes ready to publish. It leaves reading them to others.
package configs

import "embed"

//go:embed *.toml routes/*.toml
var files embed.FS

// Files holds countersign.example.toml and the folder routes.
func Files() embed.FS { return files }
