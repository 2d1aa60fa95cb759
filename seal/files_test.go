package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	groupID = "0197a5e3-0e70-7a11-8b22-000000000001"
	local   = `"source":"local","membership_source":"local"`
	scim    = `"source":"scim","membership_source":"scim","connection_id":"c1"`
)

// history is a log of memberships, and its register at 12:00:05.
func history(t *testing.T) (b *book, rows []map[string]string) {
	b = newBook(t, 0)
	add := func(second int, action, source, rest string) {
		b.lines = append(b.lines, b.line(int64(len(b.lines)+1), fmt.Sprintf(
			`{"id":"x","at":"2026-08-01T12:00:%02d.000000Z","actor":{"kind":"user","id":"ada"},"action":%q,`+
				`"group_id":%q,%s,"request_id":"r%d",%s}`,
			second, action, groupID, source, len(b.lines)+1, rest)))
	}
	add(0, "group.created", local, `"after":{}`)
	add(1, "grant.opened", local, `"members":[{"user_id":"u1","grant_id":"g1"},{"user_id":"u2","grant_id":"g2"}]`)
	add(2, "grant.opened", scim, `"members":[{"user_id":"u1","grant_id":"g3"}]`)
	add(3, "grant.opened", scim, `"user_id":"u3","after":{"grant":"g4"}`) // of an older version
	add(4, "grant.closed", local, `"members":[{"user_id":"u2","grant_id":"g2","still_member":false}]`)
	add(5, "grant.opened", local, `"members":[{"user_id":"u4","grant_id":"g5"}]`)
	add(6, "grant.closed", local, `"members":[{"user_id":"u1","grant_id":"g1","still_member":true}]`)
	row := func(grant, user, source, connection string, second, request int) map[string]string {
		return map[string]string{
			"grant_id": grant, "group_id": groupID, "user_id": user, "membership_source": source,
			"connection_id": connection,
			"granted_at":    fmt.Sprintf("2026-08-01T12:00:%02dZ", second), "granted_by": "user:ada",
			"granted_request_id": fmt.Sprint("r", request),
		}
	}
	return b, []map[string]string{
		row("g1", "u1", "local", "", 1, 2), row("g3", "u1", "scim", "c1", 2, 3), row("g4", "u3", "scim", "c1", 3, 4),
		row("g5", "u4", "local", "", 5, 6),
	}
}

// report writes rows as a report, signed with the checkpoint of a size.
func (b *book) report(format string, rows []map[string]string, size int) []byte {
	var body bytes.Buffer
	columns := []string{
		"grant_id", "group_id", "user_id", "membership_source", "connection_id", "granted_at", "granted_by",
		"granted_request_id",
	}
	w := csv.NewWriter(&body)
	if format == formatCSV {
		require.NoError(b.t, w.Write(columns))
	}
	for _, row := range rows {
		if format == formatJSONL {
			require.NoError(b.t, json.NewEncoder(&body).Encode(row))
			continue
		}
		record := make([]string, len(columns))
		for i, c := range columns {
			record[i] = row[c]
		}
		require.NoError(b.t, w.Write(record))
	}
	w.Flush()
	sum := sha256.Sum256(body.Bytes())
	manifest, err := json.Marshal(map[string]any{
		"report": "register", "version": 1, "format": format, "tenant_id": tenant,
		"query": map[string]string{"as_of": "2026-08-01T12:00:05.5Z"},
		"rows":  len(rows), "sha256": hex.EncodeToString(sum[:]), "checkpoint": string(b.signed(size)),
	})
	require.NoError(b.t, err)
	signatures, err := SignManifest(manifest, b.key.Signer(origin))
	require.NoError(b.t, err)
	var first bytes.Buffer
	text, err := json.Marshal(signatures)
	require.NoError(b.t, err)
	if format == formatJSONL {
		fmt.Fprintf(&first, `{"manifest":%s,"signatures":%s}`+"\n", manifest, text)
	} else {
		w := csv.NewWriter(&first)
		w.UseCRLF = true
		require.NoError(b.t, w.Write([]string{manifestMark, string(manifest), string(text), ""}))
		w.Flush()
	}
	return append(first.Bytes(), body.Bytes()...)
}

func TestFiles(t *testing.T) {
	b, rows := history(t)
	dir := t.TempDir()
	put := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		return path
	}
	events := put("events.jsonl", append(bytes.Join(b.lines, []byte("\n")), '\n'))
	checkpoint := put("checkpoint", b.signed(len(b.lines)))
	keys, err := KeysOf([]string{put("keys", []byte(b.vkey()+"\n"))})
	require.NoError(t, err)
	verify := func(names ...string) ([]FileResult, error) { return Files{Names: names, Keys: keys}.Verify() }

	for _, format := range []string{formatJSONL, formatCSV} {
		register := put("register."+format, b.report(format, rows, 6))
		results, err := verify(register, events, checkpoint)
		require.NoError(t, err)
		assert.True(t, results[0].Compared && results[0].Signed)
		assert.Equal(t, int64(7), results[1].Events)
		assert.Equal(t, int64(7), results[1].Sealed)
		_, err = verify(register)
		require.NoError(t, err)

		// A register whose rows and manifest were made anew, by another key.
		forged := newBookOf(b, "x")
		forged.key, err = NewKey()
		require.NoError(t, err)
		_, err = verify(put("forged", forged.report(format, rows, 6)))
		require.ErrorIs(t, err, ErrUnsigned)
		// The checkpoint is the true one, the manifest is not.
		text := b.report(format, rows[:3], 6)
		honest := b.report(format, rows, 6)
		first, _, _ := bytes.Cut(honest, []byte("\n"))
		_, rest, _ := bytes.Cut(text, []byte("\n"))
		sum := func(of []byte) string {
			_, r, _ := bytes.Cut(of, []byte("\n"))
			s := sha256.Sum256(r)
			return hex.EncodeToString(s[:])
		}
		line := strings.NewReplacer(sum(honest), sum(text), `"rows":4`, `"rows":3`, `""rows"":4`, `""rows"":3`).
			Replace(string(first))
		_, err = verify(put("forged", append([]byte(line+"\n"), rest...)))
		require.ErrorContains(t, err, "the manifest was changed")

		// What the events do not say.
		for reason, change := range map[string]func(){
			"lacks the grant g5": func() { rows = rows[:3] },
			"g9, which the events say was not open": func() {
				rows = append(rows, map[string]string{"grant_id": "g9"})
			},
			`granted_by is "user:eve", event 2 says "user:ada"`: func() { rows[0]["granted_by"] = "user:eve" },
			`user_id is "u9", event 2 says "u1"`:                func() { rows[0]["user_id"] = "u9" },
			`granted_at is "2026-08-01T11:00:01Z", event 2 says`: func() {
				rows[0]["granted_at"] = "2026-08-01T11:00:01Z"
			},
		} {
			_, rows = history(t)
			change()
			_, err = verify(put("wrong", b.report(format, rows, 6)), events, checkpoint)
			require.ErrorContains(t, err, reason)
		}
		_, rows = history(t)
	}

	_, err = verify(events)
	require.ErrorContains(t, err, "give one beside them")
	// Events that were broken off, and a register that was made under more of them.
	short := put("short.jsonl", append(bytes.Join(b.lines[:5], []byte("\n")), '\n'))
	_, err = verify(short, put("register", b.report(formatJSONL, rows, 6)))
	require.ErrorContains(t, err, "the tail was cut: event 6 is missing")
	_, err = verify(put("broken.jsonl", bytes.Join(b.lines, []byte("\n"))), checkpoint)
	require.ErrorContains(t, err, "broken off")
	_, err = verify(put("other", []byte("hello\n")))
	require.ErrorContains(t, err, "neither")
	_, err = verify(put("other", bytes.Repeat([]byte("x"), 1<<20)))
	require.ErrorContains(t, err, "neither")
}
