package api

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

	"github.com/scimbridge/scimbridge/membership"
)

// Verified is what the check of a report found: its manifest, byte for byte,
// and the fields that the check used.
type Verified struct {
	Manifest json.RawMessage
	Report   membership.Report
	Format   string
	Rows     int64
	SHA256   string
}

// VerifyReport reads a report to its end, in constant memory, and holds it
// against its manifest. Its error is the reason to read: no report, broken off,
// or changed.
func VerifyReport(r io.Reader) (v Verified, err error) {
	in := bufio.NewReaderSize(r, 1<<16)
	line, err := in.ReadSlice('\n') // longer than the buffer: no manifest
	if err != nil {
		return v, errors.New("the first line is no manifest: this is no report, or it was broken off in its first line")
	}
	if v, err = readManifest(line); err != nil {
		return v, err
	}
	sum := sha256.New()
	rows, err := countRows(v.Format, in, sum)
	if err != nil {
		return v, err
	}
	if rows != v.Rows {
		return v, fmt.Errorf("the manifest says %d rows, the report has %d: it was broken off, or changed", v.Rows, rows)
	}
	if hex.EncodeToString(sum.Sum(nil)) != v.SHA256 {
		return v, errors.New("the SHA-256 of the rows is not the manifest's: the report was changed")
	}
	return v, nil
}

func readManifest(line []byte) (v Verified, err error) {
	bad := errors.New("the first line is no manifest of a report")
	if record, err := csv.NewReader(bytes.NewReader(line)).Read(); err == nil && len(record) > 1 &&
		record[0] == manifestMark {
		v.Manifest, v.Format = json.RawMessage(record[1]), FormatCSV
	} else {
		var first struct{ Manifest json.RawMessage }
		if json.Unmarshal(line, &first) != nil || first.Manifest == nil {
			return v, bad
		}
		v.Manifest, v.Format = first.Manifest, FormatJSONL
	}
	v.Manifest = bytes.Clone(v.Manifest)
	var m struct {
		Report  membership.Report
		Version int
		Format  string
		Rows    int64
		SHA256  string
	}
	if json.Unmarshal(v.Manifest, &m) != nil || m.Format != v.Format || m.SHA256 == "" {
		return v, bad
	}
	if m.Version != 1 {
		return v, fmt.Errorf("the manifest has version %d, this program reads version 1", m.Version)
	}
	v.Report, v.Rows, v.SHA256 = m.Report, m.Rows, m.SHA256
	return v, nil
}

// countRows reads the rest of a report into the hash.
func countRows(format string, in io.Reader, sum hash.Hash) (rows int64, err error) {
	in = io.TeeReader(in, sum)
	if format == FormatCSV {
		r := csv.NewReader(in)
		r.ReuseRecord = true
		for rows = -1; ; rows++ { // the names of the columns are no row
			switch _, err := r.Read(); {
			case errors.Is(err, io.EOF):
				return max(rows, 0), nil
			case err != nil:
				return 0, fmt.Errorf("the report cannot be read as CSV: it was broken off, or changed: %w", err)
			}
		}
	}
	b := make([]byte, 1<<16)
	for {
		n, err := in.Read(b)
		rows += int64(bytes.Count(b[:n], []byte{'\n'}))
		switch {
		case errors.Is(err, io.EOF):
			return rows, nil
		case err != nil:
			return 0, err
		}
	}
}
