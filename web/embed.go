// Package web owns the files that are shipped inside the binary and shown to
// people as they are. It leaves their meaning to the packages that are handed
// them.
package web

import (
	"embed"
	"io/fs"
)

//go:embed locales/*.toml
var files embed.FS

// Locales holds the texts of the product, one TOML file per language, in its
// root: en.toml, ru.toml and so on.
func Locales() fs.FS {
	locales, _ := fs.Sub(files, "locales") // fails only for a malformed path
	return locales
}
