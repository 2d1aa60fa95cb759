package seal

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

const (
	formatJSONL = "jsonl"
	formatCSV   = "csv"
	// manifestMark is the first cell of a CSV report.
	manifestMark = "#manifest"
	// maxManifest is in bytes.
	maxManifest = 1 << 16
)

// Export is a report, such as the register, behind its manifest: the manifest, byte
// for byte, and the fields that the check used.
type Export struct {
	Manifest   json.RawMessage
	Signatures []string // lines of a signed note
	Report     string
	Format     string
	Tenant     string
	Query      map[string]string
	Rows       int64
	SHA256     string
	Checkpoint string // signed; the log when the report was made; "": none
}

// VerifyExport reads a report to its end, in constant memory, and holds it against
// its manifest. Its error is the reason to read: no report, broken off, or changed.
// Each is called with every row, as what reads its columns; nil: it is not.
func VerifyExport(r io.Reader, each func(cell func(column string) string) error) (e Export, err error) {
	in := bufio.NewReaderSize(r, maxManifest)
	line, err := in.ReadSlice('\n') // longer than the buffer: no manifest
	if err != nil {
		return e, errors.New("the first line is no manifest: this is no report, or it was broken off in its first line")
	}
	if e, err = readManifest(line); err != nil {
		return e, err
	}
	sum := sha256.New()
	rows, err := countRows(e.Format, in, sum, each)
	if err != nil {
		return e, err
	}
	if rows != e.Rows {
		return e, fmt.Errorf("the manifest says %d rows, the report has %d: it was broken off, or changed",
			e.Rows, rows)
	}
	if hex.EncodeToString(sum.Sum(nil)) != e.SHA256 {
		return e, errors.New("the SHA-256 of the rows is not the manifest's: the report was changed")
	}
	return e, nil
}

func readManifest(line []byte) (e Export, err error) {
	bad := errors.New("the first line is no manifest of a report")
	record, err := csv.NewReader(bytes.NewReader(line)).Read()
	if err == nil && len(record) > 2 && record[0] == manifestMark {
		e.Manifest, e.Format = json.RawMessage(record[1]), formatCSV
		if record[2] != "" && json.Unmarshal([]byte(record[2]), &e.Signatures) != nil {
			return e, bad
		}
	} else {
		var first struct {
			Manifest   json.RawMessage
			Signatures []string
		}
		if json.Unmarshal(line, &first) != nil || first.Manifest == nil {
			return e, bad
		}
		e.Manifest, e.Signatures, e.Format = bytes.Clone(first.Manifest), first.Signatures, formatJSONL
	}
	var m struct {
		Report     string
		Version    int
		Format     string
		Tenant     string `json:"tenant_id"`
		Query      map[string]string
		Rows       int64
		SHA256     string
		Checkpoint string
	}
	if json.Unmarshal(e.Manifest, &m) != nil || m.Format != e.Format || m.SHA256 == "" {
		return e, bad
	}
	if m.Version != 1 {
		return e, fmt.Errorf("the manifest has version %d, this program reads version 1", m.Version)
	}
	e.Report, e.Tenant, e.Query = m.Report, m.Tenant, m.Query
	e.Rows, e.SHA256, e.Checkpoint = m.Rows, m.SHA256, m.Checkpoint
	return e, nil
}

// manifestKind is the first line of what is signed, so that a manifest is no
// checkpoint, nor another note.
const manifestKind = "scimbridge manifest 1"

// SignManifest signs a manifest, JSON on one line, and returns the lines of the
// signatures. They stand beside the manifest: in JSON Lines as the list "signatures",
// in CSV as that list in the third cell.
func SignManifest(manifest []byte, signers ...note.Signer) ([]string, error) {
	text := manifestText(manifest)
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(strings.TrimPrefix(string(signed), text+"\n"), "\n"), "\n"), nil
}

func manifestText(manifest []byte) string { return manifestKind + "\n" + string(manifest) + "\n" }

// VerifySignature says whether one of the keys signed the manifest, as the log of
// the checkpoint that the manifest names.
func (e Export) VerifySignature(keys note.Verifiers) (Checkpoint, error) {
	if len(e.Signatures) == 0 || e.Checkpoint == "" {
		return Checkpoint{}, errors.New("the manifest is not signed")
	}
	c, err := OpenCheckpoint([]byte(e.Checkpoint), keys)
	if err != nil {
		return c, fmt.Errorf("the checkpoint in the manifest: %w", err)
	}
	n, err := note.Open([]byte(manifestText(e.Manifest)+"\n"+strings.Join(e.Signatures, "\n")+"\n"), keys)
	if err != nil || n.Sigs[0].Name != c.Origin {
		return c, errors.New("the manifest was changed: its signature is not one of the given key")
	}
	if c.Tenant() != e.Tenant {
		return c, errors.New("the manifest is of another tenant than its checkpoint")
	}
	return c, nil
}

// countRows reads the rest of a report into the hash.
func countRows(
	format string, in *bufio.Reader, sum hash.Hash, each func(func(string) string) error,
) (rows int64, err error) {
	if format == formatCSV {
		return csvRows(csv.NewReader(io.TeeReader(in, sum)), each)
	}
	var row []byte // longer than the reader's buffer
	for {
		piece, err := in.ReadSlice('\n')
		_, _ = sum.Write(piece) // a hash takes everything
		if each != nil {
			row = append(row, piece...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return rows, nil // what has no end of line does not count
		case err != nil:
			return 0, err
		}
		rows++
		if each != nil {
			var cells map[string]any
			if err := json.Unmarshal(row, &cells); err != nil {
				return 0, fmt.Errorf("row %d is no JSON object: the report was changed", rows)
			}
			if err := each(func(column string) string { text, _ := cells[column].(string); return text }); err != nil {
				return 0, err
			}
			row = row[:0]
		}
	}
}

func csvRows(r *csv.Reader, each func(func(string) string) error) (rows int64, err error) {
	r.ReuseRecord = true
	var columns map[string]int
	for {
		record, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			return rows, nil
		case err != nil:
			return 0, fmt.Errorf("the report cannot be read as CSV: it was broken off, or changed: %w", err)
		case columns == nil: // the names of the columns are no row
			columns = map[string]int{}
			for i, name := range record {
				columns[strings.Clone(name)] = i
			}
			continue
		}
		rows++
		if each == nil {
			continue
		}
		if err := each(func(column string) string {
			if i, ok := columns[column]; ok {
				return record[i]
			}
			return ""
		}); err != nil {
			return 0, err
		}
	}
}
