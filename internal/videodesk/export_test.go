package videodesk_test

import "countersign/internal/videodesk"

// troubleOf is the text of a fault with its placeholders.
func troubleOf(err error) (string, map[string]any) { return videodesk.Trouble(err) }
