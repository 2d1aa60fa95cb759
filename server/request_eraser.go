package server

import (
	"context"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
)

// requestEraser implements membership.RequestEraser, also where no requests are kept
// any more, or the log could not be opened.
type requestEraser struct {
	config config.Config
	store  *db.Store
	keeper *RequestKeeper
}

// RequestEraser is that of a command.
func RequestEraser(c config.Config, store *db.Store) membership.RequestEraser {
	return requestEraser{config: c, store: store}
}

func (e requestEraser) EraseRequests(
	ctx context.Context, tenant, user membership.ID, names membership.PersonNames,
) (int, error) {
	k := e.keeper
	if k == nil || k.requestKey == nil {
		// It is off, or could not be opened when the server started.
		var err error
		if k, err = existingRequests(ctx, e.config, e.store); k != nil {
			defer k.kept.Close() //nolint:errcheck // everything is committed, or there is an error to return
		}
		if err != nil {
			return 0, &membership.Error{
				Kind: membership.KindUnavailable, Err: err, Message: "the request log, or its key, cannot be opened: " +
					"the names of the person in it cannot be erased",
			}
		}
		if k == nil {
			return 0, nil
		}
	}
	if e.keeper != nil {
		e.keeper.flush(ctx)
	}
	return k.kept.EraseRequests(ctx, tenant, user, hashes(names.UserNames, k.UserName),
		hashes(names.ExternalIDs, k.ExternalID))
}

func hashes(names []string, hash func(string) *membership.RequestName) (out []membership.RequestName) {
	for _, name := range names {
		if h := hash(name); h != nil {
			out = append(out, *h)
		}
	}
	return out
}

// flush writes what this server has received so far, so that it is counted. What others
// have is written without the names. What is being written is not lost with the caller.
func (k *RequestKeeper) flush(ctx context.Context) {
	k.queue.endRepeats()
	k.writeAll(context.WithoutCancel(ctx), ctx.Err)
}
