package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// The formats of reports.
const (
	FormatJSONL = "jsonl" // JSON Lines: an object a line
	FormatCSV   = "csv"   // RFC 4180
)

var mediaTypes = map[string]string{
	FormatJSONL: "application/jsonl",
	FormatCSV:   "text/csv; charset=utf-8; header=present",
}

// reportFormat is the format that a request asks for, with the parameter or with
// Accept; else the given one.
func (r request) reportFormat(otherwise string) (string, error) {
	if f, given := r.query["format"]; given {
		if f != FormatJSONL && f != FormatCSV && f != otherwise {
			return "", membership.Invalidf("format must be one of %s", strings.Join(formats(otherwise), ", "))
		}
		return f, nil
	}
	for _, accepted := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		switch media, _, _ := mime.ParseMediaType(accepted); media {
		case "text/csv":
			return FormatCSV, nil
		case "application/jsonl", "application/x-ndjson":
			return FormatJSONL, nil
		case "application/json", "*/*":
			return otherwise, nil
		}
	}
	return otherwise, nil
}

func formats(otherwise string) []string {
	if otherwise == FormatJSONL {
		return []string{FormatJSONL, FormatCSV}
	}
	return []string{otherwise, FormatJSONL, FormatCSV}
}

// reportOf is how rows are written whose columns describe tells, in a format.
func reportOf[T any](format string, describe func(columns, T)) membership.Format[T] {
	f := membership.Format[T]{Name: format}
	if format == FormatCSV {
		var none T
		h := csvHeader{}
		describe(&h, none)
		f.Header = append(h.b, "\r\n"...)
		row := csvRow{}
		f.Append = func(b []byte, v T) []byte {
			row.b, row.n = b, 0
			describe(&row, v)
			return append(row.b, "\r\n"...)
		}
		return f
	}
	row := jsonRow{}
	f.Append = func(b []byte, v T) []byte {
		row.b, row.n = append(b, '{'), 0
		describe(&row, v)
		return append(row.b, "}\n"...)
	}
	return f
}

// answerReport sends a report as an answer. From the first byte on only the
// manifest tells whether it is whole.
func answerReport(w http.ResponseWriter) membership.Send {
	return func(m membership.Manifest, body iter.Seq2[[]byte, error]) error {
		w.Header().Set("Content-Type", mediaTypes[m.Format])
		w.Header().Set("Content-Disposition", `attachment; filename="`+reportFile(m)+`"`)
		w.Header().Set("Cache-Control", "no-store")
		return WriteReport(w, m, body)
	}
}

// Reports sends reports as downloads, for doors that have no formats of their own.
type Reports struct{ Directory *membership.Directory }

// Register sends the register in a format: FormatCSV or FormatJSONL.
func (s Reports) Register(
	ctx context.Context, w http.ResponseWriter, call membership.Call, q membership.RegisterQuery, format string,
) error {
	if err := knownFormat(format); err != nil {
		return err
	}
	return s.Directory.ExportRegister(ctx, call, q, RegisterFormat(format), answerReport(w))
}

// Exceptions sends the exceptions of a kind, "": of all, in a format.
func (s Reports) Exceptions(
	ctx context.Context, w http.ResponseWriter, call membership.Call, kind membership.ExceptionKind, format string,
) error {
	if err := knownFormat(format); err != nil {
		return err
	}
	return s.Directory.ExportExceptions(ctx, call, kind, ExceptionsFormat(format), answerReport(w))
}

func knownFormat(format string) error {
	if all := formats(FormatJSONL); !slices.Contains(all, format) {
		return membership.Invalidf("format must be one of %s", strings.Join(all, ", "))
	}
	return nil
}

// reportFile is a name for a report that every file system takes, such as
// scimbridge-register-20260801T120000Z.csv: the time is that which it tells of.
func reportFile(m membership.Manifest) string {
	at := m.SnapshotAt
	for _, p := range m.Query {
		if t, err := time.Parse(time.RFC3339, p.Value); p.Name == "as_of" && err == nil {
			at = t
		}
	}
	return "scimbridge-" + string(m.Report) + "-" + at.UTC().Format("20060102T150405Z") + "." + m.Format
}

// WriteReport writes a report: the line of its manifest, then its body.
func WriteReport(w io.Writer, m membership.Manifest, body iter.Seq2[[]byte, error]) error {
	first, err := appendManifestLine(nil, m)
	if err != nil {
		return err
	}
	if _, err := w.Write(first); err != nil {
		return err
	}
	for piece, err := range body {
		if err != nil {
			return err
		}
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// manifestMark is the first cell of a CSV report.
const manifestMark = "#manifest"

// appendManifestLine appends the first line of a report: the manifest, and what
// signs it. In CSV it is a record like the others, as wide as they are, so that no
// reader stumbles over it.
func appendManifestLine(b []byte, m membership.Manifest) ([]byte, error) {
	manifest := AppendManifest(nil, m)
	var signatures []byte
	if m.Sign != nil {
		lines, err := m.Sign(manifest)
		if err != nil {
			return nil, err
		}
		if signatures, err = json.Marshal(lines); err != nil {
			return nil, err
		}
	}
	if m.Format != FormatCSV {
		b = append(append(b, `{"manifest":`...), manifest...)
		if signatures != nil {
			b = append(append(b, `,"signatures":`...), signatures...)
		}
		return append(b, "}\n"...), nil
	}
	b = append(b, manifestMark+`,`...)
	b = appendQuoted(b, string(manifest))
	b = append(b, ',')
	if signatures != nil {
		b = appendQuoted(b, string(signatures))
	}
	for range widths[m.Report] - 3 {
		b = append(b, ',')
	}
	return append(b, "\r\n"...), nil
}

// AppendManifest appends a manifest as a JSON object.
func AppendManifest(b []byte, m membership.Manifest) []byte {
	b = appendField(append(b, '{'), "report", string(m.Report))
	b = appendNumberField(append(b, ','), "version", 1)
	b = appendField(append(b, ','), "format", m.Format)
	b = appendIDField(append(b, ','), "tenant_id", m.Tenant)
	b = append(appendName(append(b, ','), "query"), '{')
	for i, p := range m.Query {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendField(b, p.Name, p.Value)
	}
	b = appendTimeField(append(b, `},`...), "snapshot_at", m.SnapshotAt)
	b = appendTimeField(append(b, ','), "made_at", m.MadeAt)
	b = appendField(append(b, ','), "made_by", m.MadeBy.String())
	b = appendField(append(b, ','), "request_id", m.RequestID)
	b = appendNumberField(append(b, ','), "rows", m.Rows)
	b = appendField(append(b, ','), "sha256", m.SHA256)
	if m.Checkpoint != "" {
		b = appendField(append(b, ','), "checkpoint", m.Checkpoint)
	}
	b = append(b, '}')
	// As JSON it is the same; a reader of CSV that splits at semicolons finds none.
	return bytes.ReplaceAll(b, []byte(";"), []byte(`\u003b`))
}
