package seal

import (
	"io/fs"
	"os"
)

// exposed cannot be told here from the mode of a file: who may read it is in lists of its
// own, which it has from its folder.
func exposed(fs.FileMode) bool { return false }

// own: a file has the owner of whoever makes it.
func own(*os.File, os.FileInfo) error { return nil }
