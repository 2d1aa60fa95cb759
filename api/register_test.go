package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/seal"
)

// report takes a report apart: its manifest and its rows, as objects of texts.
func (r reply) report() (manifest map[string]any, rows []map[string]any) {
	r.t.Helper()
	require.Equal(r.t, http.StatusOK, r.status, "%s", r.body)
	_, err := seal.VerifyExport(bytes.NewReader(r.body), nil)
	require.NoError(r.t, err)
	first, rest, _ := bytes.Cut(r.body, []byte("\n"))
	sum := sha256.Sum256(rest)
	if strings.HasPrefix(r.header.Get("Content-Type"), "text/csv") {
		records, err := csv.NewReader(bytes.NewReader(r.body)).ReadAll()
		require.NoError(r.t, err, "every record is as wide as the others")
		require.NoError(r.t, json.Unmarshal([]byte(records[0][1]), &manifest))
		for _, record := range records[2:] {
			row := map[string]any{}
			for i, name := range records[1] {
				row[name] = record[i]
			}
			rows = append(rows, row)
		}
	} else {
		require.Equal(r.t, "application/jsonl", r.header.Get("Content-Type"))
		var line struct{ Manifest map[string]any }
		require.NoError(r.t, json.Unmarshal(first, &line))
		manifest = line.Manifest
		for l := range bytes.Lines(rest) {
			var row map[string]any
			require.NoError(r.t, json.Unmarshal(l, &row))
			rows = append(rows, row)
		}
	}
	assert.Equal(r.t, hex.EncodeToString(sum[:]), manifest["sha256"])
	assert.InDelta(r.t, len(rows), manifest["rows"], 0)
	return manifest, rows
}

func TestRegisterNamesWhoWasThereAndWhy(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		tokenID, token := h.token(auth.AllPermissions)
		scim, both, gone := h.provisionUser("scim"), h.provisionUser("both"), h.user("gone")
		group := h.provisionGroup("Synced", scim, both)
		custom := h.group("Custom")
		for g, u := range map[string]string{group: both, custom: gone} {
			h.do(http.MethodPost, "/v1/groups/"+g+"/members", `{"user_id":"`+u+`","also_local":true,"reason":"INC-1"}`,
				bearer(token)).
				is(http.StatusCreated)
		}
		at := time.Now().UTC()
		h.do(http.MethodDelete, "/v1/users/"+gone+"?reason=left", "", bearer(token)).is(http.StatusNoContent)
		h.do(http.MethodDelete, "/v1/groups/"+custom, "").is(http.StatusNoContent)
		asOf := "as_of=" + url.QueryEscape(at.Format(time.RFC3339Nano))

		manifest, rows := h.do(http.MethodGet, "/v1/audit/register?"+asOf, "").report()
		require.Len(t, rows, 4)
		assert.Equal(t, map[string]any{"as_of": membership.Timestamp(at)}, manifest["query"])
		assert.Equal(t, h.mine.TenantID.String(), manifest["tenant_id"])
		var dead map[string]any
		for _, row := range rows {
			if row["user_id"] == gone {
				dead = row
			}
		}
		assertFields(t, dead, "group_id", "display_name", "group_kind", "group_deleted_at", "user_id", "user_name",
			"email", "name", "active",
			"user_deleted_at", "membership_source", "grant_id", "granted_at", "granted_by", "granted_by_name",
			"granted_request_id", "reason", "joined_at",
			"ended_at", "ended_by", "ended_by_name", "ended_request_id", "ended_reason")
		for name, want := range map[string]any{
			"display_name": "Custom", "user_name": "gone", "email": "gone@example.com", "active": false,
			"membership_source": "local",
			"granted_by":        "user:" + tokenID.String(), "reason": "INC-1", "ended_reason": "left",
			"ended_by":        "user:" + tokenID.String(),
			"granted_by_name": "test", "ended_by_name": "test",
		} {
			assert.Equal(t, want, dead[name], name)
		}

		for query, want := range map[string]int{
			"":                                3,
			"as_of=2020-01-01T00:00:00Z":      0,
			asOf + "&user_id=" + gone:         1,
			"user_id=" + gone:                 0,
			asOf + "&user_id=" + both:         2,
			asOf + "&group_id=" + group:       3,
			asOf + "&membership_source=local": 2,
			asOf + "&membership_source=scim":  2,
			asOf + "&connection_id=" + h.mine.ConnectionID.String():                       2,
			asOf + "&connection_id=" + h.other.ConnectionID.String():                      0,
			asOf + "&group_id=" + group + "&user_id=" + both + "&membership_source=local": 1,
		} {
			_, rows := h.do(http.MethodGet, "/v1/audit/register?"+query, "").report()
			assert.Len(t, rows, want, query)
			csvManifest, csvRows := h.do(http.MethodGet, "/v1/audit/register?format=csv&"+query, "").report()
			assert.Len(t, csvRows, want, query)
			assert.Equal(t, "csv", csvManifest["format"])
			for i, row := range rows {
				for name, v := range row {
					if b, is := v.(bool); is {
						v = map[bool]string{true: "true", false: "false"}[b]
					}
					assert.Equal(t, v, csvRows[i][name], name)
				}
			}
		}

		exported := h.events(membership.ActionExported)
		require.NotEmpty(t, exported)
		var facts map[string]any
		require.NoError(t, json.Unmarshal(exported[0].After, &facts))
		assert.Equal(t, manifest["sha256"], facts["sha256"])
		assert.Equal(t, manifest["query"], facts["query"])
		assert.InDelta(t, 4, facts["rows"], 0)
		assert.Equal(t, "request-1", exported[0].RequestID)
	})
}

func TestRegisterFormatsAndBadInput(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for accept, want := range map[string]string{
			"": "application/jsonl", "*/*": "application/jsonl",
			"text/html, text/csv;q=0.9": "text/csv; charset=utf-8; header=present",
			"application/x-ndjson":      "application/jsonl", "application/jsonl": "application/jsonl",
		} {
			r := h.do(http.MethodGet, "/v1/audit/register", "", header("Accept", accept))
			assert.Equal(t, want, r.header.Get("Content-Type"), accept)
			assert.Regexp(t, `^attachment; filename="scimbridge-register-20\d{6}T\d{6}Z\.(jsonl|csv)"$`,
				r.header.Get("Content-Disposition"))
			_, rows := r.report()
			assert.Empty(t, rows)
		}
		events := len(h.events(membership.ActionExported))
		future := url.QueryEscape(time.Now().Add(time.Hour).Format(time.RFC3339))
		for query, message := range map[string]string{
			"format=xlsx":          "format must be one of jsonl, csv",
			"format=json":          "format must be one of jsonl, csv",
			"as_of=2026-03-14":     "as_of must be a time of RFC 3339, such as 2026-08-01T12:00:00Z",
			"as_of=" + future:      "as_of is in the future: who will be a member of what is not known",
			"membership_source=ad": "membership_source must be local or scim",
			"user_id=ada":          "user_id must be a UUID",
			"limit=1":              `unknown query parameter "limit"`,
		} {
			assert.Equal(t, message,
				h.do(http.MethodGet, "/v1/audit/register?"+query, "").fails(http.StatusBadRequest, codeInvalidInput))
		}
		assert.Len(t, h.events(membership.ActionExported), events)
	})
}

// A report is named for the time that it tells of.
func TestNamesOfReports(t *testing.T) {
	at := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	m := membership.Manifest{Report: membership.ReportRegister, Format: FormatCSV, SnapshotAt: at.Add(time.Hour)}
	assert.Equal(t, "scimbridge-register-20260801T130000Z.csv", reportFile(m))
	m.Query = []membership.Parameter{{Name: "as_of", Value: membership.Timestamp(at)}}
	assert.Equal(t, "scimbridge-register-20260801T120000Z.csv", reportFile(m))
}

// A directory administrator elsewhere chooses names; a spreadsheet here must not
// run them. TestCells has every spelling.
func TestCellsAreNoFormulas(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for i, name := range []string{`=cmd|' /C calc'!A0`, "＝1", "\tx", `"a", "b"`, "a\r\nb", " blank ", "Zoë"} {
			body, err := json.Marshal(map[string]string{"user_name": "u" + string(rune('a'+i)), "email": "",
				"name": name})
			require.NoError(t, err)
			user, group := h.make("/v1/users", string(body)), h.group("Group")
			h.member(group, user)
			_, rows := h.do(http.MethodGet, "/v1/audit/register?format=csv&user_id="+user, "").report()
			want := strings.ReplaceAll(name, "\r\n", "\n") // the reader of the test does that
			if strings.ContainsAny(want, "=＝\t") {
				want = "'" + want
			}
			assert.Equal(t, want, rows[0]["name"])
			_, rows = h.do(http.MethodGet, "/v1/audit/register?user_id="+user, "").report()
			assert.Equal(t, name, rows[0]["name"])
		}
	})
}

func TestVerifyFindsWhatIsNotWhole(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		group := h.group("Group")
		for _, name := range []string{"ada", "bob", "cyd"} {
			h.member(group, h.user(name))
		}
		for _, format := range []string{"jsonl", "csv"} {
			whole := string(h.do(http.MethodGet, "/v1/audit/register?format="+format, "").body)
			v, err := seal.VerifyExport(strings.NewReader(whole), nil)
			require.NoError(t, err)
			assert.Equal(t, int64(3), v.Rows)
			first, _, _ := strings.Cut(whole, "\n")
			for what, c := range map[string]struct{ report, reason string }{
				"nothing":      {"", "first line"},
				"other":        {"hello\nworld\n", "no manifest"},
				"other json":   {"{}\n", "no manifest"},
				"in manifest":  {first[:100], "first line"},
				"only it":      {first + "\n", "3 rows, the report has 0"},
				"in a row":     {whole[:len(whole)-40], "broken off, or changed"},
				"a row less":   {whole[:strings.LastIndex(whole[:len(whole)-3], "\n")+1], "3 rows, the report has 2"},
				"changed":      {strings.Replace(whole, "bob@", "rob@", 1), "SHA-256"},
				"more":         {whole + whole[len(first)+1:], "3 rows"},
				"long nothing": {strings.Repeat("x", 1<<20), "first line"},
				"newer": {strings.NewReplacer(`"version":1`, `"version":2`, `""version"":1`, `""version"":2`).
					Replace(whole), "version 2"},
			} {
				_, err := seal.VerifyExport(strings.NewReader(c.report), nil)
				require.ErrorContains(t, err, c.reason, what+" "+format)
			}
		}
	})
}
