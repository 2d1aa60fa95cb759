package scim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// bulkJob carries out the operations of a bulk request in their order, except
// that one which refers to what a later one makes waits for it. Cycles of
// references are left for the end.
type bulkJob struct {
	*door
	x            *exchange
	failOnErrors int
	failures     int
	operations   []*bulkOperation
	next         int              // index of the first operation not yet looked at
	ready        []*bulkOperation // queue of those before it that wait for nothing
}

func (d *door) newBulkJob(x *exchange, request bulkRequest) *bulkJob {
	j := &bulkJob{door: d, x: x, failOnErrors: request.failOnErrors}
	names := bulkNames{}
	for i, sent := range request.operations {
		o, err := d.readBulkOperation(sent)
		o.index, o.bad = i, err
		j.operations = append(j.operations, o)
		names.add(o)
	}
	// Operations on one resource keep their order, whatever they wait for.
	last := map[string]*bulkOperation{}
	for _, o := range j.operations {
		if o.bad == nil {
			o.bad = names.link(o)
		}
		if o.bad != nil {
			continue
		}
		for _, made := range o.refersTo {
			o.waits++
			made.wantMade = append(made.wantMade, o)
		}
		if o.makes() {
			continue
		}
		o.waitForEnd(o.targeted)
		target := o.of.endpoint + "/" + o.target
		if o.targeted != nil {
			target = o.of.endpoint + "/bulkId:" + o.targeted.BulkID
		}
		o.waitForEnd(last[target])
		last[target] = o
	}
	return j
}

// add registers what an operation may be referred to by. A bulkId that two have
// names neither: taking one for the other could add the wrong member to a group.
func (names bulkNames) add(o *bulkOperation) {
	if !o.makes() || o.BulkID == "" {
		return
	}
	first := names[o.BulkID]
	if first == nil {
		names[o.BulkID] = o
		return
	}
	err := badRequest(typeInvalidValue, "the bulkId %q is there twice", clip(o.BulkID))
	first.bad, o.bad = err, err
}

func (o *bulkOperation) waitForEnd(other *bulkOperation) {
	if other != nil {
		o.waits++
		other.wantEnded = append(other.wantEnded, o)
	}
}

// run carries out what can be until there are more failures than the request
// accepts. It fails only when the client has gone.
func (j *bulkJob) run() error {
	for ; j.next < len(j.operations); j.next++ {
		if o := j.operations[j.next]; o.waits == 0 {
			j.ready = append(j.ready, o)
		}
		if err := j.carryOutReady(); err != nil {
			return err
		}
	}
	// Only what makes resources is referred to, so every cycle is made of that
	// (RFC 7644 section 3.7.1).
	for _, o := range j.operations {
		for o.makes() && o.open() && !j.stopped() {
			inCycle := o.cycle()
			inCycle.cut()
			j.ready = append(j.ready, inCycle)
			if err := j.carryOutReady(); err != nil {
				return err
			}
		}
	}
	return nil
}

// stopped is failOnErrors.
func (j *bulkJob) stopped() bool { return j.failOnErrors > 0 && j.failures >= j.failOnErrors }

func (j *bulkJob) carryOutReady() error {
	for len(j.ready) > 0 && !j.stopped() {
		if err := j.x.ctx().Err(); err != nil {
			return err
		}
		o := j.ready[0]
		j.ready = j.ready[1:]
		switch {
		case o.ended: // cut out of a cycle, and failed before the others let it go on
		case o.made():
			j.complete(o)
		default:
			j.carryOut(o)
		}
		if !o.open() {
			j.release(&o.wantMade)
		}
		if o.ended {
			j.release(&o.wantEnded)
		}
	}
	return nil
}

// release takes one dependency from the operations that waited, once. Those from
// next on are found ready later.
func (j *bulkJob) release(waiting *[]*bulkOperation) {
	for _, o := range *waiting {
		if o.waits--; o.waits == 0 && o.index <= j.next {
			j.ready = append(j.ready, o)
		}
	}
	*waiting = nil
}

// carryOut sends the request that an operation stands for.
func (j *bulkJob) carryOut(o *bulkOperation) {
	if o.bad == nil {
		o.bad = o.broken()
	}
	if !o.makes() && o.of != nil {
		if o.id = o.target; o.targeted != nil {
			o.id = o.targeted.id
		}
	}
	body := []byte(o.Data)
	if o.bad == nil && o.linked != nil {
		body, o.bad = encode(o.linked)
	}
	if o.bad != nil {
		j.end(o, j.refuse(o, o.bad))
		return
	}
	r := j.send(o, o.Method, o.of.endpoint, o.id, o.Version, body)
	if o.makes() && r.succeeded() {
		o.id = r.madeID()
	}
	if o.later != nil && o.made() {
		o.result = j.resultOf(o, r)
		return
	}
	j.end(o, r)
}

// broken is the answer to a reference to what could not be made: the state that
// the operation needs will not come about.
func (o *bulkOperation) broken() error {
	for _, other := range append([]*bulkOperation{o.targeted}, o.refersTo...) {
		if other != nil && !other.made() && other.ended {
			return &scimError{
				status: http.StatusConflict,
				detail: fmt.Sprintf("this refers to the bulkId %q, whose operation failed", clip(other.BulkID)),
				format: "this refers to the bulkId %q, whose operation failed",
			}
		}
	}
	return nil
}

// end keeps the answer to an operation.
func (j *bulkJob) end(o *bulkOperation, r *bulkAnswer) {
	o.result, o.ended = j.resultOf(o, r), true
	if !r.succeeded() {
		j.failures++
	}
}

func (j *bulkJob) resultOf(o *bulkOperation, r *bulkAnswer) bulkResult {
	return bulkResult{
		Method: o.Method, BulkID: o.BulkID, Location: o.location(j.base),
		Version: r.header.Get("ETag"), Status: r.statusText(), Response: json.RawMessage(r.body),
	}
}

// results are those of the operations that were carried out, in the order of the
// request.
func (j *bulkJob) results() []bulkResult {
	all := []bulkResult{}
	for _, o := range j.operations {
		if o.made() && !o.ended { // failOnErrors came before the rest of it
			j.end(o, j.refuse(o, &scimError{
				status: http.StatusConflict,
				detail: "it was made, but not what in it refers to operations that were not carried out",
			}))
		}
		if o.ended {
			all = append(all, o.result)
			j.tell(o)
		}
	}
	return all
}

// tell says for the request log what became of an operation.
func (j *bulkJob) tell(o *bulkOperation) {
	t := o.told(j.x.r)
	t.Status, _ = strconv.Atoi(o.result.Status)
	j.x.told = append(j.x.told, t)
	j.x.call.Effect.Add(&o.effect)
}
