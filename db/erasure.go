package db

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	qLockErasable = `select ` + userColumns + `, u.deleted_at from users u
		where u.tenant_id = $1 and u.id = $2 {for update}`

	// What it cannot have any more is not asked for: it has no link and no grant.
	qEraseUser = `update users set user_name = '', user_name_key = '', name_rank = 0, email = '', email_key = '',
			name = '', native_user_name = '', native_email = '', native_name = '',
			active = false, pending = false, deleted_at = coalesce(deleted_at, $3)
		where tenant_id = $1 and id = $2 and (deleted_at is null or user_name <> '' or email <> '' or name <> ''
			or native_user_name <> '' or native_email <> '' or native_name <> '')`
)

// LockErasable implements membership.ErasureWriter.
func (s *session) LockErasable(ctx context.Context, user membership.ID) (u membership.User, deleted bool, err error) {
	var at stamp
	u.Tenant = s.tenant
	err = s.one(ctx, "user", qLockErasable, []any{s.tenant, user}, append(userDest(&u), &at)...)
	return u, !time.Time(at).IsZero(), err
}

// EraseUser implements membership.ErasureWriter.
func (s *session) EraseUser(ctx context.Context, user membership.ID, at time.Time) (bool, error) {
	n, err := s.exec(ctx, qEraseUser, s.tenant, user, stamp(at))
	if err != nil || n == 0 {
		return false, err
	}
	return true, s.deleteOrganizationMember(ctx, user)
}

const (
	qNamesOfUser = `select user_name, native_user_name from users where tenant_id = $1 and id = $2`
	qTextsOfUser = `select t.text from (
			select x.position from events x {index events_by_user}
				where x.tenant_id = $1 and {of user x $2} and x.number > 0
			union all
			select w.position from events w {index events_waiting}
				where w.tenant_id = $1 and w.user_id = $2 and w.number is null and w.position > 0) n
		{lookup event_texts t on t.tenant_id = $1 and t.position = n.position} where t.field <> $3`
)

// NamesToErase implements membership.ErasureWriter.
func (s *session) NamesToErase(ctx context.Context, user membership.ID) (n membership.PersonNames, err error) {
	n.UserNames = make([]string, 2)
	if err := s.one(ctx, "user", qNamesOfUser, []any{s.tenant, user}, &n.UserNames[0], &n.UserNames[1]); err != nil {
		return n, err
	}
	n.UserNames = slices.DeleteFunc(slices.Compact(n.UserNames), func(name string) bool { return name == "" })
	for text, err := range stream(ctx, s, qTextsOfUser, []any{s.tenant, user, reasonField}, func(text *string) []any {
		return []any{text}
	}) {
		if err != nil {
			return n, err
		}
		if !slices.Contains(n.ExternalIDs, text) {
			n.ExternalIDs = append(n.ExternalIDs, text)
		}
	}
	return n, nil
}

// siblingsWithin is how far from an event, in positions, the other events of its
// change are looked for. They take theirs one after another; others may come in
// between.
const siblingsWithin = 1024

const (
	qTextsToErase = `select n.number, t.position, t.field, t.salt, n.several, n.members from (
			select x.number, x.position, 0 as several, case when x.members is null then 0 else 1 end as members
				from events x {index events_by_user}
				where x.tenant_id = $1 and {of user x $2} and x.number > $3
			union all
			select y.number, e.position, 1, 1 from event_users y
				{lookup events e by events_by_number on e.tenant_id = $1 and e.number = y.number}
				where y.tenant_id = $1 and y.user_id = $2 and y.number > $3) n
		{lookup event_texts t on t.tenant_id = $1 and t.position = n.position}
		where t.text <> $4 order by n.number limit $5`
	qEraseTexts = `delete from event_texts where tenant_id = $1 and position >= $2 and position <= $3 and salt = $4`
)

type textToErase struct {
	number, position int64
	field            string
	salt             []byte
	several, members int64 // 1: the event has several members; it has any
}

// positions are those in which the text stands: the events of one change of members
// have their reason under one salt. Of one with one member others may come before it.
func (t *textToErase) positions() (first, last int64) {
	first, last = t.position, t.position
	if t.field == reasonField && t.members > 0 {
		first = max(first-siblingsWithin, 1)
		last += t.several * siblingsWithin
	}
	return first, last
}

// EraseTexts implements membership.ErasureWriter.
func (s *session) EraseTexts(ctx context.Context, t membership.TextErasure) (e membership.ErasedTexts, err error) {
	args := []any{s.tenant, t.User, t.After, t.Keep, t.Limit}
	texts, err := list(ctx, s, qTextsToErase, args, func(t *textToErase) []any {
		return []any{&t.number, &t.position, &t.field, &t.salt, &t.several, &t.members}
	})
	if err != nil || len(texts) == 0 {
		return e, err
	}
	rows := make([][]any, len(texts))
	for i, x := range texts {
		if x.field == reasonField {
			e.Reasons++
		} else {
			e.ExternalIDs++
		}
		first, last := x.positions()
		rows[i] = []any{s.tenant, first, last, x.salt}
	}
	// Of the last event there may be another text.
	e.Last, e.More = texts[len(texts)-1].number-1, len(texts) == t.Limit
	return e, s.execEach(ctx, qEraseTexts, rows)
}

// A grant of before has an event with a position below zero where none of the log told
// of it (carry_grants.go). They have no number, and are found by the grants.
const (
	qHasCarriers = `select count(*) from (select 1 from events where tenant_id = $1 and number is null and position < 0
		limit 1) e`
	pastOfUser = ` from groups o
		{lookup past_grants g on g.tenant_id = $1 and g.group_no = o.no and g.user_id = $2} where o.tenant_id = $1`
	qCarriedOfUser = `select t.position, t.salt from (
			select g.opened_event as position` + pastOfUser + ` and g.opened_event < 0
			union select g.closed_event` + pastOfUser + ` and g.closed_event < 0) n
		{lookup event_texts t on t.tenant_id = $1 and t.position = n.position} where t.text <> $3`
)

// EraseCarriedTexts implements membership.ErasureWriter.
func (s *session) EraseCarriedTexts(ctx context.Context, user membership.ID, keep string) (reasons int, err error) {
	var carriers int
	if err := s.one(ctx, "tenant", qHasCarriers, []any{s.tenant}, &carriers); err != nil || carriers == 0 {
		return 0, err
	}
	texts, err := list(ctx, s, qCarriedOfUser, []any{s.tenant, user, keep}, func(t *textToErase) []any {
		return []any{&t.position, &t.salt}
	})
	if err != nil {
		return 0, err
	}
	rows := make([][]any, len(texts))
	for i, t := range texts {
		rows[i] = []any{s.tenant, t.position, t.position, t.salt}
	}
	return len(texts), s.execEach(ctx, qEraseTexts, rows)
}

// Answers of errors may have a name in them, and no id. A reservation without its
// answer is one of a request whose outcome is not known: the events tell it. With the
// fingerprint of a request one could try names.
const (
	qAnswersToErase = `select actor, route, key, claimed_at, status, request_id, body from idempotency_keys
		where tenant_id = $1 and (status > 0 or lease_until > claimed_at or fingerprint <> $2) {for update}`
	qEraseAnswer = `update idempotency_keys set claimed_at = $5,
			lease_until = case when status > 0 then $5 else lease_until end, status = 0, content_type = '', body = $6,
			fingerprint = $7
		where tenant_id = $1 and actor = $2 and route = $3 and key = $4`
)

// noFingerprint is that of a request which was erased.
var noFingerprint = make([]byte, sha256.Size)

type answerToErase struct {
	actor, route, key, request string
	reserved                   stamp
	status                     int
	body                       []byte
}

// EraseAnswers implements membership.ErasureWriter.
func (s *session) EraseAnswers(
	ctx context.Context, user membership.ID, requestID string,
) (answers, size int, err error) {
	var rows [][]any
	for a, err := range stream(ctx, s, qAnswersToErase, []any{s.tenant, noFingerprint}, func(a *answerToErase) []any {
		return []any{&a.actor, &a.route, &a.key, &a.reserved, &a.status, &a.request, &a.body}
	}) {
		if err != nil {
			return 0, 0, err
		}
		reserved := time.Time(a.reserved)
		switch {
		case a.status == 0 && a.request != requestID:
			// Its answer is stored if this is still its time.
			reserved = reserved.Add(-time.Microsecond)
		case a.status >= 400, a.status > 0 && bytes.Contains(a.body, []byte(user.String())):
			answers, size = answers+1, size+len(a.body)
		default:
			continue
		}
		rows = append(rows, []any{s.tenant, a.actor, a.route, a.key, stamp(reserved), []byte{}, noFingerprint})
	}
	return answers, size, s.execEach(ctx, qEraseAnswer, rows)
}
