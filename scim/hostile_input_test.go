package scim_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/scim"
)

// hostile is a bench with something in its view that nothing may change.
type hostile struct {
	*bench
	user, group string // paths
	before      string
}

func newHostile(b *bench) *hostile {
	ann := b.user("ann")
	h := &hostile{bench: b, user: "/Users/" + ann, group: "/Groups/" + b.group("staff", ann)}
	h.before = h.view()
	return h
}

func (h *hostile) view() string {
	h.t.Helper()
	users, groups := h.do("GET", "/Users?count=1000", "").want(200), h.do("GET", "/Groups?count=1000", "").want(200)
	return string(users.body) + string(groups.body)
}

// refused sends what must be refused soon, with an error of SCIM that tells
// nothing of the inside.
func (h *hostile) refused(status int, method, path, body string, headers ...string) {
	h.t.Helper()
	start := time.Now()
	r := h.do(method, path, body, headers...)
	what := fmt.Sprintf("%s %.80s %.120q %.80v: %.300s", method, path, body, headers, r.body)
	assert.Less(h.t, time.Since(start), 5*time.Second, what)
	if assert.Equal(h.t, status, r.status, what) && method != "HEAD" {
		m := r.json()
		assert.Equal(h.t, []any{"urn:ietf:params:scim:api:messages:2.0:Error"}, m["schemas"], what)
		assert.Equal(h.t, fmt.Sprint(status), m["status"], what)
		assert.NotEmpty(h.t, m["detail"], what)
		assert.Less(h.t, len(r.body), 4096, what)
		for _, inside := range []string{"sql", "SQL", "json:", "goroutine", "runtime", ".go", "panic",
			"strconv", "0x"} {
			assert.NotContains(h.t, m["detail"], inside, what)
		}
	}
}

func (h *hostile) unchanged() {
	h.t.Helper()
	require.Equal(h.t, h.before, h.view())
}

// nested is a value of so many lists, one in the other.
func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func utf16Text(s string, bigEndian bool) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if bigEndian {
			b.WriteString("\x00" + string(c))
		} else {
			b.WriteString(string(c) + "\x00")
		}
	}
	return b.String()
}

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b.String()
}

// TestHostileBodies: bodies that are no message, in every place that takes one.
func TestHostileBodies(t *testing.T) {
	const valid = `{"userName":"eve","displayName":"eve","Operations":[{"op":"replace","path":"displayName",` +
		`"value":"eve"}],"filter":"id pr"}`
	each(t, func(t *testing.T, b *bench) {
		h := newHostile(b)
		places := [][2]string{
			{"POST", "/Users"}, {"PUT", h.user}, {"PATCH", h.user}, {"POST", "/Groups"}, {"PUT", h.group},
			{"PATCH", h.group},
			{"POST", "/.search"}, {"POST", "/Users/.search"}, {"POST", "/Bulk"},
		}
		for _, place := range places {
			for name, body := range map[string]string{
				"UTF-16 with BOM":     "\xff\xfe" + utf16Text(valid, false),
				"UTF-16":              utf16Text(valid, false),
				"UTF-16, big endian":  utf16Text(valid, true),
				"two BOMs":            "\ufeff\ufeff" + valid,
				"a BOM and no more":   "\ufeff",
				"gzip unannounced":    gzipped(valid),
				"cut off":             valid[:len(valid)-1],
				"cut off in a text":   valid[:15],
				"cut off in a rune":   valid[:14] + "\xe2\x82",
				"a broken rune":       strings.Replace(valid, "eve", "\xe2\x28\xa1", 1),
				"an overlong rune":    strings.Replace(valid, "eve", "\xc0\x80", 1),
				"a raw surrogate":     strings.Replace(valid, "eve", "\xed\xa0\x80", 1),
				"half a pair":         strings.Replace(valid, "eve", `\ud800`, 1),
				"the other half":      strings.Replace(valid, "eve", `\uDC00x`, 1),
				"half a pair twice":   strings.Replace(valid, "eve", `\uD83D\uD83D`, 1),
				"half a pair escaped": strings.Replace(valid, "eve", `\uD83D\n`, 1),
				"half a pair as key":  strings.Replace(valid, `{`, `{"\ud800":1,`, 1),
				"NUL":                 strings.Replace(valid, "eve", "\x00", 1),
				"an escaped NUL":      strings.Replace(valid, "eve", `\u0000`, 1),
				"an escaped NUL key":  strings.Replace(valid, `{`, `{"\u0000":1,`, 1),
				"a control character": strings.Replace(valid, "eve", "\x01", 1),
				"an escape of none":   strings.Replace(valid, "eve", `\x`, 1),
				"a short escape":      strings.Replace(valid, "eve", `\u12`, 1),
				"a number of none":    strings.Replace(valid, `{`, `{"a":01,`, 1),
				"NaN":                 strings.Replace(valid, `{`, `{"a":NaN,`, 1),
				"a comma too many":    strings.Replace(valid, `{`, `{,`, 1),
				"a comma at the end":  valid[:len(valid)-1] + ",}",
				"no comma":            strings.Replace(valid, `","`, `" "`, 1),
				"the wrong bracket":   valid[:len(valid)-1] + "]",
				"a comment":           "/**/" + valid,
				"single quotes":       strings.ReplaceAll(valid, `"`, `'`),
				"something behind it": valid + "x",
				"a second one":        valid + valid,
				"a bracket behind it": valid + "}",
				"deep":                strings.Replace(valid, `{`, `{"a":`+nested(64)+`,`, 1),
				"very deep":           strings.Replace(valid, `{`, `{"a":`+nested(100_000)+`,`, 1),
				"deep and unclosed":   `{"a":` + strings.Repeat(`{"a":`, 100_000),
				"a list":              "[" + valid + "]",
				"null":                "null",
				"a number":            "1e999",
				"nothing":             "",
				"blanks":              " \n ",
			} {
				h.t = t
				t.Log(place, name)
				h.refused(400, place[0], place[1], body)
			}
			h.refused(415, place[0], place[1], gzipped(valid), "Content-Encoding: gzip")
			h.refused(415, place[0], place[1], valid, "Content-Encoding: br")
			h.refused(415, place[0], place[1], "a=b", "Content-Type: application/x-www-form-urlencoded")
			h.refused(415, place[0], place[1], "<a/>", "Content-Type: ;;;=\"")
		}
		h.unchanged()
	})
}

// TestHostileAttributes: messages whose content cannot be taken.
func TestHostileAttributes(t *testing.T) {
	many := func(n int, format string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(parts, ",")
	}
	op := func(path, value string) string {
		return `{"Operations":[{"op":"add","path":"` + path + `","value":` + value + `}]}`
	}
	each(t, func(t *testing.T, b *bench) {
		h := newHostile(b)
		for _, place := range [][2]string{{"POST", "/Users"}, {"PUT", h.user}} {
			for body, status := range map[string]int{
				`{"userName":1e999}`:                                                                        400,
				`{"userName":"eve","active":1e999}`:                                                         400,
				`{"userName":"eve","emails":1e999}`:                                                         400,
				`{"userName":"eve","emails":[[["x"]]]}`:                                                     400,
				`{"userName":"eve","name":[{"givenName":"a"},{"givenName":"b"}]}`:                           400,
				`{"userName":"` + strings.Repeat("x", 801) + `"}`:                                           400,
				`{"userName":"` + strings.Repeat("ü", 500_000) + `"}`:                                       400,
				`{"userName":"eve","externalId":"` + strings.Repeat("x", 801) + `"}`:                        400,
				`{"userName":"eve","emails":[{"value":"` + strings.Repeat("x", 801) + `"}]}`:                400,
				`{"userName":"eve","urn:x:y":{"a":"` + strings.Repeat("x", 300_000) + `"}}`:                 413,
				`{"userName":"eve","title":"` + strings.Repeat("x", 2<<20) + `"}`:                           413,
				`{"userName":"eve","emails":[` + many(1001, `{"value":"%d"}`) + `]}`:                        400,
				`{"userName":"eve","emails":[` + many(50_000, `{"value":"%d"}`) + `]}`:                      400,
				`{"userName":"eve","addresses":[` + many(40_000, `{"locality":"%d"}`) + `]}`:                400,
				`{"userName":"eve","urn:x:y":{` + many(60_000, `"a%d":1`) + `}}`:                            400,
				`{"userName":"eve",` + many(40_000, `"urn:x:y%d":{"a":1}`) + `}`:                            400,
				`{"userName":"eve",` + many(40_000, `"urn:x:y:%d":"x"`) + `}`:                               400,
				`{"userName":"eve","emails":[],` + many(25_000, `"emails[type eq \"%d\"].value":"x"`) + `}`: 400,
			} {
				h.refused(status, place[0], place[1], body)
			}
		}
		h.refused(400, "PATCH", h.user, op(`emails[type eq 1e999].value`, `1e999`))
		for body, status := range map[string]int{
			op(`emails[`+strings.Repeat("not (", 30)+`a pr`+strings.Repeat(")", 29)+`]`, `"x"`):     400,
			op(strings.Repeat("a.", 2000), `"x"`):                                                   400,
			op(`members[value eq \"x\"`, `"x"`):                                                     400,
			op(`external Id`, `"x"`):                                                                400,
			op(`displayName`, `{"`+strings.Repeat("x", 1000)+`":{}}`):                               400,
			op(`urn:x:y`, `{`+many(60_000, `"a%d":1`)+`}`):                                          400,
			op(`urn:x:y:a`, `"`+strings.Repeat("x", 300_000)+`"`):                                   413,
			`{"Operations":[` + many(5_000, `{"op":"add","path":"urn:x:y:a%d","value":"x"}`) + `]}`: 400,
			`{"Operations":{"op":"add"}}`:                                                           400,
			`{"Operations":[[]]}`:                                                                   400,
			`{"Operations":[null]}`:                                                                 400,
			`{"Operations":[{"op":{}}]}`:                                                            400,
			`{"Operations":[{"op":"add","path":["displayName"],"value":"x"}]}`:                      400,
			`{"Operations":[{"op":"add\ud83d","path":"displayName"}]}`:                              400,
		} {
			h.refused(status, "PATCH", h.user, body)
			h.refused(status, "PATCH", h.group, body)
		}
		h.unchanged()

		// As much as is allowed is no harm.
		r := b.do("POST", "/Users",
			`{"userName":"max","emails":[`+many(1000, `{"value":"%d@x.example"}`)+`],"urn:x:y":`+
				`{"n":1e999,"deep":`+nested(61)+`,"😀":"\ud83d\ude00"}}`).want(201)
		require.Equal(t, 1000, strings.Count(string(r.body), "@x.example"))
		require.Contains(t, string(r.body), `"n":1e999`)
		require.Contains(t, string(r.body), `"😀":"😀"`)
		b.do("GET", `/Users?filter=urn:x:y:n%20gt%205`, "").want(200)
		b.do("GET", `/Users?filter=emails.value%20eq%20%22999@x.example%22`, "").want(200)
	})
}

// TestHostileAddresses: paths, ids, queries and headers.
func TestHostileAddresses(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		h := newHostile(b)
		id := strings.TrimPrefix(h.user, "/Users/")
		for _, s := range []string{
			"%00", "%2f", "%2F..%2f", "..", ".", "%2e%2e", "%ff", "%ed%a0%80", ";", "%20" + id, id + "%20", id + "%00",
			id + "%2f", id + ".json",
			strings.ToUpper(id), "%7B" + id + "%7D", "urn:uuid:" + id, strings.ReplaceAll(id, "-", ""),
			strings.Repeat("x", 9000), "%F0%9F%98%80",
			"*", "'%20or%201=1--", "$%7Bjndi:ldap://x%7D", "0", "-1", "1e999", "null", "undefined", "bulkId:x",
			"%25" + id,
			"00000000-0000-0000-0000-000000000000",
		} {
			for _, endpoint := range []string{"/Users/", "/Groups/"} {
				h.refused(404, "GET", endpoint+s, "")
				h.refused(404, "HEAD", endpoint+s, "")
				h.refused(404, "DELETE", endpoint+s, "")
				h.refused(404, "PUT", endpoint+s, `{"userName":"eve","displayName":"eve"}`)
				h.refused(404, "PATCH", endpoint+s,
					`{"Operations":[{"op":"replace","path":"displayName","value":"eve"}]}`)
			}
			h.refused(404, "GET", "/Schemas/"+s, "")
			h.refused(404, "GET", "/ResourceTypes/"+s, "")
			h.refused(400, "PATCH", h.group,
				`{"Operations":[{"op":"add","path":"members","value":[{"value":"`+s+`"}]}]}`)
		}
		for _, path := range []string{"/Users/../Groups", "/./Users", "/Users/%2e%2e/Groups", "/user", "/Users%2f" + id,
			"/Users;x=y", h.user + "/emails", "/%00", "/\u00fc"} {
			h.refused(404, "GET", path, "")
		}
		for _, verb := range []string{"TRACE", "OPTIONS", "patch", "PROPFIND", "X"} {
			h.refused(405, verb, h.user, "")
			h.refused(405, verb, "/Users", "", "X-HTTP-Method-Override: GET")
		}
		h.refused(405, "POST", h.user, "", "X-HTTP-Method-Override: DELETE")

		for _, query := range []string{
			"filter=id+pr&filter=id+pr", "startIndex=1&startindex=2", "count=1&COUNT=1", "count=1e999", "count=0x10",
			"count=1.5", "startIndex=%E2%80%8B1",
			"filter=%zz", "filter=%ff", "%ff=%ff", "filter=userName+eq+%22%00%22", "filter=userName+eq+%00",
			"filter=" + strings.Repeat("(", 4000),
			"filter=" + strings.Repeat("a", 5000), "filter=userName+eq", "filter=userName+eq+%22",
			"filter=meta.lastModified+gt+%22x%22",
			"filter=urn:x:y:n+gt+1e999", "filter=" + strings.Repeat("not(", 40) + "id+pr", "filter=id+pr+and+or",
			"filter=emails[emails[value+pr]]",
			"filter=%5Cud800+eq+1", "filter=id+eq+1e999+x", "filter=id+regex+%22(a+)+$%22",
		} {
			h.refused(400, "GET", "/Users?"+query, "")
			h.refused(400, "GET", "/Groups?"+query, "")
			h.refused(400, "GET", "?"+query, "")
		}
		h.refused(400, "GET", "/Users?filter=active+gt+true", "")
		names := strings.Repeat("a,urn:x:y:z,emails.value,", 4000)
		for _, path := range []string{"/Users", h.user, "/Groups", h.group} {
			b.do("GET", path+"?attributes="+names, "").want(200)
			b.do("GET", path+"?excludedAttributes="+names, "").want(200)
		}
		for _, tag := range []string{"garbage", `W/"`, `"`, `W/"2`, `W/"01"`, `W/"+1"`, `W/"99999999999999999999"`,
			`W/"-1"`, "\xff", "W/1e999", strings.Repeat(`W/"9",`, 5000), `**`} {
			for _, path := range []string{h.user, h.group} {
				h.refused(412, "DELETE", path, "", "If-Match: "+tag)
				h.refused(412, "PUT", path, `{"userName":"eve","displayName":"eve"}`, "If-Match: "+tag)
				h.refused(412, "PATCH", path, `{"Operations":[{"op":"replace","path":"displayName","value":"eve"}]}`,
					"If-Match: "+tag)
				b.do("GET", path, "", "If-None-Match: "+tag).want(200)
			}
		}
		for _, accept := range []string{"", "*/*", "text/html", "application/xml;q=1", ";;;", "\xff",
			strings.Repeat("a/b,", 10_000)} {
			b.do("GET", h.user, "", "Accept: "+accept, "Accept-Language: "+accept, "X-Request-Id: "+accept,
				"X-Forwarded-For: "+accept).want(200)
		}
		for _, header := range []string{"Bearer", "Bearer ", "Bearer " + strings.Repeat("x", 100_000), "Bearer \xff",
			"Bearer " + b.token + " x", "Bearer " + b.token + "," + b.token, "Basic Og=="} {
			h.refused(401, "GET", "/Users", "", "Authorization: "+header)
		}
		h.unchanged()
	})
}

// TestEndlessBody: a body that never ends is cut off at the limit, in the midst
// of a text, of a list, or of blanks.
func TestEndlessBody(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		h := newHostile(b)
		server := httptest.NewServer(scim.New(
			membership.NewDirectory(b.store, auth.Policy{}, membership.Options{}), auth.NewVerifier(b.store, time.Now),
			scim.Config{MaxGroupBody: 4 << 20, Logger: zaptest.NewLogger(t)}))
		defer server.Close()
		for _, place := range [][2]string{{"POST", "/Users"}, {"POST", "/.search"}, {"POST", "/Bulk"},
			{"POST", "/Groups"}, {"PATCH", h.group}} {
			for start, more := range map[string]string{
				`{"userName":"eve","displayName":"`: "xxxxxxxxxxxxxxx", `{"members":[""`: `,"xxxxxxxxxxxxxxxxxxx"`,
				" ": "             \n",
				`{"Operations":[{"op":"add","path":"members","value":[""`: `,{"value":"xxxxxxxxxxxxx"}`,
				`{"a":[1`: ",1",
			} {
				what := fmt.Sprint(place, start)
				conn, err := net.Dial("tcp", server.Listener.Addr().String())
				require.NoError(t, err)
				_, err = fmt.Fprintf(conn,
					"%s /scim/v2%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: "+
						"chunked\r\n\r\n%x\r\n%s\r\n",
					place[0], place[1], b.token, len(start), start)
				require.NoError(t, err)
				go func() {
					chunk := fmt.Sprintf("%x\r\n%s\r\n", len(more)*4000, strings.Repeat(more, 4000))
					for {
						if _, err := io.WriteString(conn, chunk); err != nil {
							return
						}
					}
				}()
				require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
				var status int
				_, err = fmt.Fscanf(conn, "HTTP/1.1 %d", &status)
				require.NoError(t, err, what)
				want := http.StatusRequestEntityTooLarge
				if place[1] == "/Groups" && strings.HasPrefix(start,
					`{"members"`) || place[1] == h.group && strings.HasPrefix(start, `{"Op`) {
					want = http.StatusBadRequest // so many members that cannot be any are not read to their end
				}
				require.Equal(t, want, status, what)
				require.NoError(t, conn.Close())
			}
		}
		h.unchanged()
	})
}
