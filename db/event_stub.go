package db

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const maxEventMembers = 500

func memberEventRest(call membership.Call, side membership.Source) (rest string, salt []byte) {
	return fmt.Sprintf(`,"actor":{"kind":"%s","id":"%s"},"source":"%s","connection_id":"%s","membership_source":"%s","request_id":"%s"`,
		call.Actor.Kind, call.Actor.ID, call.Source(), call.Connection, side, call.RequestID), nil
}

func (s *session) insertMemberEvents(ctx context.Context, call membership.Call, at time.Time, action membership.Action,
	group membership.ID, side membership.Source, members []membership.EventMember) (positions []int64, err error) {
	for i := 0; i < len(members); i += maxEventMembers {
		part := members[i:min(i+maxEventMembers, len(members))]
		rest, _ := memberEventRest(call, side)
		body := fmt.Sprintf(`{"id":"%s","at":"%s","action":"%s","group_id":"%s"%s}`, membership.NewID(), at.Format("2006-01-02T15:04:05.000000Z"), action, group, rest)
		var b strings.Builder
		for j, m := range part {
			if j > 0 {
				b.WriteByte(',')
			} else {
				b.WriteByte('[')
			}
			b.WriteString(`{"user_id":"`)
			b.WriteString(m.User.String())
			b.WriteString(`","grant_id":"`)
			b.WriteString(m.Grant.String())
			b.WriteString(`"}`)
		}
		b.WriteByte(']')
		var user any
		if len(part) == 1 {
			user = part[0].User
		}
		var p int64
		if err := s.one(ctx, "event", `insert into events (tenant_id, group_id, user_id, body, members) values ($1, $2, $3, $4, $5) returning position`,
			[]any{s.tenant, group, user, body, b.String()}, &p); err != nil {
			return nil, err
		}
		positions = append(positions, p)
	}
	return positions, nil
}
