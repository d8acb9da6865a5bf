package hook_test

import "testing"

func BenchmarkZZCommit(b *testing.B) {
	db, _ := syncing(b)
	b.ResetTimer()
	for b.Loop() {
		if _, err := db.Pool.Exec(b.Context(), `insert into webhook_replay (endpoint, wanted, by, at) select 'x','x','x',now() where false`); err != nil {
			b.Fatal(err)
		}
		tx, _ := db.Pool.Begin(b.Context())
		tx.Exec(b.Context(), `insert into telegram_secret values ($1, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx') on conflict do nothing`, b.N+int(b.Elapsed()))
		tx.Commit(b.Context())
	}
}
