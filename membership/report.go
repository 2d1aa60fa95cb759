package membership

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"time"
)

// Report names what an export is of.
type Report string

// The reports.
const (
	ReportRegister   Report = "register"
	ReportExceptions Report = "exceptions"
)

// Parameter is one parameter of a report, as it was understood.
type Parameter struct{ Name, Value string }

// Manifest stands before a report and says what it is, and what it must be when
// it is whole.
type Manifest struct {
	Report     Report
	Format     string
	Tenant     ID
	Query      []Parameter
	SnapshotAt time.Time // what was committed by then is in it
	MadeAt     time.Time
	MadeBy     Actor
	RequestID  string
	Rows       int64
	SHA256     string // of all bytes after the manifest, in hexadecimal
	// Checkpoint is the signed one of the log when the report was made; "": none.
	Checkpoint string
	// Sign signs the manifest as a door writes it; nil: it is not signed.
	Sign func(manifest []byte) (signatures []string, err error)
}

// ReportSigner signs what leaves, in the name of the tenant's log.
type ReportSigner interface {
	// ReportSigner returns the newest signed checkpoint of a tenant's log, and what
	// signs a manifest; "" and nil where nothing is sealed.
	ReportSigner(ctx context.Context, tenant ID) (checkpoint string, sign func([]byte) ([]string, error), err error)
}

// unsigned is the ReportSigner that signs nothing.
type unsigned struct{}

func (unsigned) ReportSigner(context.Context, ID) (string, func([]byte) ([]string, error), error) {
	return "", nil, nil
}

// Format is how a door writes the rows of a report.
type Format[T any] struct {
	Name   string
	Header []byte // stands before the first row
	Append func(b []byte, row T) []byte
}

// Send takes a report: the manifest, then its bytes in pieces, each valid until
// the next.
type Send func(m Manifest, body iter.Seq2[[]byte, error]) error

// export reads a report from one snapshot, at the pace of the store, and sends it
// when that has ended: who receives it slowly holds nothing of the store. In
// between its event is written: who was given what is evidence, also when the
// transfer breaks off.
func export[T any](
	ctx context.Context, d *Directory, call Call, m Manifest, f Format[T],
	rows func(Reader) iter.Seq2[T, error], send Send,
) error {
	of, end, err := d.exports.begin(call.Tenant)
	if err != nil {
		return err
	}
	defer end()
	kept := newSpool(d.HoldAnswer(call.Tenant))
	defer kept.close()
	if err := read(ctx, d, call, of, f, rows, &m, kept); err != nil {
		return err
	}
	if m.Checkpoint, m.Sign, err = d.signer.ReportSigner(ctx, call.Tenant); err != nil {
		return err
	}
	if err := d.exported(ctx, call, m); err != nil {
		return err
	}
	return send(m, kept.pieces())
}

// read reads a report into a spool, and completes its manifest.
func read[T any](
	ctx context.Context, d *Directory, call Call, of *tenantExports, f Format[T],
	rows func(Reader) iter.Seq2[T, error], m *Manifest, kept *spool,
) error {
	done, err := d.exports.acquire(ctx, of)
	if err != nil {
		return err
	}
	defer done()
	m.SnapshotAt = d.clock.Now()
	hash := sha256.New()
	if err := d.store.Read(ctx, call.Tenant, func(r Reader) error {
		for piece, err := range pieces(f, rows(r), &m.Rows) {
			if err != nil {
				return err
			}
			_, _ = hash.Write(piece) // a hash takes everything
			if _, err := kept.Write(piece); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	m.Format, m.Tenant, m.MadeBy, m.RequestID = f.Name, call.Tenant, call.Actor, call.RequestID
	m.MadeAt, m.SHA256 = d.clock.Now(), hex.EncodeToString(hash.Sum(nil))
	return kept.seal()
}

// exported writes the event of a report.
func (d *Directory) exported(ctx context.Context, call Call, m Manifest) error {
	query := make(map[string]string, len(m.Query))
	for _, p := range m.Query {
		query[p.Name] = p.Value
	}
	e := call.Event(m.MadeAt, ActionExported, ID{}, ID{}, nil, Facts{
		"report": m.Report, "format": m.Format, "query": query, "rows": m.Rows, "sha256": m.SHA256,
	})
	return d.store.Update(ctx, call.Tenant, func(tx Tx) error { return tx.AppendEvents(ctx, e) })
}

// pieces writes rows into one buffer and yields it whenever it is full. counted
// is the number of rows at the end.
func pieces[T any](f Format[T], rows iter.Seq2[T, error], counted *int64) iter.Seq2[[]byte, error] {
	const full = 32 << 10
	return func(yield func([]byte, error) bool) {
		b := append(make([]byte, 0, full+4<<10), f.Header...)
		n := int64(0)
		for row, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			n++
			if b = f.Append(b, row); len(b) >= full {
				if !yield(b, nil) {
					return
				}
				b = b[:0]
			}
		}
		*counted = n
		if len(b) > 0 {
			yield(b, nil)
		}
	}
}
