package server

import (
	"context"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/seal"
)

// The answers of the native API about a log: they implement api.Evidence.

func errUnsealed(why string) error {
	return &membership.Error{Kind: membership.KindUnavailable, Message: why}
}

// opened reads the log of a tenant for an answer.
func (s *Sealer) opened(ctx context.Context, tenant membership.ID) (sealedLog, error) {
	if len(s.keys) == 0 {
		return sealedLog{}, errUnsealed("this server has no key to seal events with (seal_key_file)")
	}
	l, found, err := openLog(ctx, s.store, tenant)
	if err == nil && (!found || l.Size == 0) {
		err = errUnsealed("no event was sealed yet; it takes some seconds")
	}
	return l, err
}

// Checkpoint is the signed checkpoint of a size; 0: the newest.
func (s *Sealer) Checkpoint(ctx context.Context, tenant membership.ID, size int64) (string, error) {
	l, err := s.opened(ctx, tenant)
	if err != nil {
		return "", err
	}
	text, err := l.checkpoint(ctx, size)
	if err == nil && text == "" {
		err = membership.NotFound("checkpoint of size " + strconv.FormatInt(size, 10))
	}
	return text, err
}

// TimeStamp is that of the checkpoint of a size; 0: the newest that has one.
func (s *Sealer) TimeStamp(ctx context.Context, tenant membership.ID, size int64) (of int64, token []byte, err error) {
	l, err := s.opened(ctx, tenant)
	if err != nil {
		return 0, nil, err
	}
	of, token, err = s.store.TimeStamp(ctx, tenant, l.Origin, size)
	if err == nil && token == nil {
		err = membership.NotFound("time stamp")
	}
	return of, token, err
}

// VerifierKeys are the vkeys of the tenant's log, one a line, the one in use first.
func (s *Sealer) VerifierKeys(ctx context.Context, tenant membership.ID) (string, error) {
	l, err := s.opened(ctx, tenant)
	if err != nil {
		return "", err
	}
	if !s.keys.Has(l.PublicKey) { // the store's word is no proof of who signs
		return "", errUnsealed(errOtherKey.Error())
	}
	return s.keys.VerifierKeys(l.Origin)
}

// Proof proves that the newest checkpoint has the event with a number.
func (s *Sealer) Proof(ctx context.Context, tenant membership.ID, number int64) ([]byte, error) {
	l, err := s.opened(ctx, tenant)
	if err != nil {
		return nil, err
	}
	switch {
	case number < 1 || number > l.Head:
		return nil, membership.NotFound("event " + strconv.FormatInt(number, 10))
	case number > l.Size:
		return nil, errUnsealed("the event is not sealed yet; it takes some seconds")
	}
	tree, err := l.tree(ctx)
	if err != nil {
		return nil, err
	}
	path, err := tlog.ProveRecord(l.Size, number-1, l.hashes(ctx, tree))
	if err != nil {
		return nil, err
	}
	checkpoint, err := l.checkpoint(ctx, l.Size)
	if err != nil {
		return nil, err
	}
	return seal.Proof{Index: number - 1, Path: path, Checkpoint: []byte(checkpoint)}.Append(nil), nil
}

// ReportSigner implements membership.ReportSigner.
func (s *Sealer) ReportSigner(
	ctx context.Context, tenant membership.ID,
) (string, func([]byte) ([]string, error), error) {
	if len(s.keys) == 0 {
		return "", nil, nil
	}
	l, found, err := openLog(ctx, s.store, tenant)
	if err != nil || !found || l.Size == 0 || !s.keys.Has(l.PublicKey) {
		return "", nil, err
	}
	checkpoint, err := l.checkpoint(ctx, l.Size)
	sign := func(manifest []byte) ([]string, error) {
		return seal.SignManifest(manifest, s.keys.Signers(l.Origin)...)
	}
	return checkpoint, sign, err
}
