package journal

import "context"

// Write writes a batch.
func (j *Journal) Write(ctx context.Context, batch []Entry) error { return j.write(ctx, batch) }
