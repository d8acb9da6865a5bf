// Package web owns the files that are shipped inside the binary and shown to
// people as they are. It leaves their meaning to the packages that are handed
// them.
package web

import (
	"embed"
	"io/fs"
)

//go:embed locales/*.toml demo
var files embed.FS

// Locales holds the texts of the product, one TOML file per language, in its
// root: en.toml, ru.toml and so on.
func Locales() fs.FS {
	locales, _ := fs.Sub(files, "locales") // fails only for a malformed path
	return locales
}

// Demo holds the page of the demonstration: index.html, its styles, scripts and
// words.
func Demo() fs.FS {
	demo, _ := fs.Sub(files, "demo") // fails only for a malformed path
	return demo
}
