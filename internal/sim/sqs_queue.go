package sim

import (
	"container/heap"
	"container/list"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// queue is one queue. Its messages stand in lanes. A lane is a message group
// of a FIFO queue; in a standard queue every message has a lane to itself. A
// lane can be received from while none of its messages is in flight and its
// first one is visible; such lanes line up in ready, in the order in which they
// became so. That makes a receive independent of how much is queued or locked.
type queue struct {
	w   *World
	key queueKey
	id  string // of this incarnation: a queue made again refuses old receipt handles
	settings
	attributes map[string]string
	tags       map[string]string

	created, modified, purged time.Time
	gone                      bool

	messages map[string]*message
	lanes    map[string]*lane // by message group; FIFO only
	ready    list.List        // of *lane
	hidden   dues             // in flight or delayed, by when they become visible
	expiring dues             // all, by the end of their retention
	inFlight int
	delayed  int

	sequence   uint64
	deliveries uint64
	seen       map[string]sighting
	sightings  []sightingEnd

	waiters map[chan struct{}]struct{}
	alarm   time.Time // the earliest moment at which waiters are woken
}

type lane struct {
	group    string
	messages list.List // of *message, in their order
	inFlight int
	ready    *list.Element
}

type messageState int

const (
	messageVisible messageState = iota
	messageDelayed
	messageInFlight
)

type message struct {
	id         string
	body       string
	attributes map[string]messageAttribute
	trace      string
	sender     string
	group      string
	dedup      string
	number     uint64
	deadFrom   string // ARN of the queue it was dead-lettered from

	sent, received, firstReceived time.Time
	receives                      int
	delivery                      uint64 // of the latest receive: only its receipt handle counts

	state  messageState
	lane   *lane
	place  *list.Element
	show   due // in queue.hidden
	expiry due // in queue.expiring
}

// add puts m at the end of its lane.
func (q *queue) add(m *message, now time.Time, delay time.Duration) {
	q.sequence++
	m.number = q.sequence
	m.state = messageVisible
	l := &lane{}
	if q.fifo {
		if l = q.lanes[m.group]; l == nil {
			l = &lane{group: m.group}
			q.lanes[m.group] = l
		}
	}
	q.messages[m.id] = m
	m.lane, m.place = l, l.messages.PushBack(m)
	m.expiry = due{m: m, at: m.sent.Add(q.retention), index: -1}
	heap.Push(&q.expiring, &m.expiry)
	if delay > 0 {
		m.state = messageDelayed
		q.delayed++
		q.hide(m, now, now.Add(delay))
	}
	q.offer(l)
}

// remove takes m out of the queue, whatever it was doing.
func (q *queue) remove(m *message) {
	q.reveal(m)
	heap.Remove(&q.expiring, m.expiry.index)
	delete(q.messages, m.id)
	l := m.lane
	l.messages.Remove(m.place)
	if q.fifo && l.messages.Len() == 0 {
		delete(q.lanes, l.group)
	}
	q.offer(l)
}

// take puts m in flight until the given time.
func (q *queue) take(m *message, now time.Time, visibility time.Duration) {
	q.deliveries++
	m.delivery = q.deliveries
	m.receives++
	m.received = now
	if m.firstReceived.IsZero() {
		m.firstReceived = now
	}
	m.state = messageInFlight
	q.inFlight++
	m.lane.inFlight++
	q.hide(m, now, now.Add(visibility))
	q.offer(m.lane)
}

// hide keeps m from being received until t.
func (q *queue) hide(m *message, now, t time.Time) {
	m.show = due{m: m, at: t, index: -1}
	heap.Push(&q.hidden, &m.show)
	if len(q.waiters) > 0 {
		q.arm(now)
	}
}

// extend changes how long m stays in flight.
func (q *queue) extend(m *message, now, t time.Time) {
	heap.Remove(&q.hidden, m.show.index)
	q.hide(m, now, t)
}

// reveal ends m's being in flight or delayed.
func (q *queue) reveal(m *message) {
	switch m.state {
	case messageVisible:
		return
	case messageDelayed:
		q.delayed--
	case messageInFlight:
		q.inFlight--
		m.lane.inFlight--
	}
	m.state = messageVisible
	if m.show.index >= 0 {
		heap.Remove(&q.hidden, m.show.index)
	}
}

// offer lines l up among the ready lanes, or takes it out, as is due.
func (q *queue) offer(l *lane) {
	first := l.messages.Front()
	open := first != nil && l.inFlight == 0 && first.Value.(*message).state == messageVisible
	switch {
	case open && l.ready == nil:
		l.ready = q.ready.PushBack(l)
		q.wake()
	case !open && l.ready != nil:
		q.ready.Remove(l.ready)
		l.ready = nil
	}
}

// advance does what has fallen due by now.
func (q *queue) advance(now time.Time) {
	for len(q.expiring) > 0 && !q.expiring[0].at.After(now) {
		q.remove(q.expiring[0].m)
	}
	for len(q.hidden) > 0 && !q.hidden[0].at.After(now) {
		m := q.hidden[0].m
		q.reveal(m)
		q.offer(m.lane)
	}
}

// wake tells everyone who waits for a message to look again.
func (q *queue) wake() {
	for waiter := range q.waiters {
		select {
		case waiter <- struct{}{}:
		default:
		}
	}
}

// arm makes the world look at the queue when its next hidden message becomes
// visible. Only waiting receivers need that; everyone else calls advance.
func (q *queue) arm(now time.Time) {
	if len(q.hidden) == 0 {
		return
	}
	next := q.hidden[0].at
	if q.alarm.After(now) && !q.alarm.After(next) {
		return
	}
	q.alarm = next
	q.w.at(next, func(now time.Time) {
		q.advance(now)
		if len(q.waiters) > 0 {
			q.arm(now)
		}
	})
}

// handle is the receipt handle of m's latest delivery.
func (q *queue) handle(m *message) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s %s %d", q.id, m.id, m.delivery))
}

// claim finds the message that a receipt handle stands for. It is nil when
// the message has been deleted; latest says whether the handle is from its
// latest delivery.
func (q *queue) claim(handle string) (m *message, latest bool, problem *apiError) {
	if handle == "" {
		return nil, false, missingParameter("ReceiptHandle")
	}
	var id string
	var delivery uint64
	text, err := base64.StdEncoding.DecodeString(handle)
	if err == nil {
		_, err = fmt.Sscanf(strings.TrimPrefix(string(text), q.id), " %s %d", &id, &delivery)
	}
	if err != nil || !strings.HasPrefix(string(text), q.id) {
		return nil, false, badRequest("ReceiptHandleIsInvalid", "The input receipt handle \"%s\" is not a valid receipt handle.", handle)
	}
	m = q.messages[id]
	return m, m != nil && m.delivery == delivery, nil
}

// due is a message's place in a heap of times.
type due struct {
	at    time.Time
	m     *message
	index int // in the heap, -1 outside
}

// dues is a heap, earliest first, of which any element can be removed.
type dues []*due

func (d dues) Len() int { return len(d) }
func (d dues) Less(i, j int) bool {
	if d[i].at.Equal(d[j].at) {
		return d[i].m.number < d[j].m.number
	}
	return d[i].at.Before(d[j].at)
}
func (d dues) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}
func (d *dues) Push(x any) {
	x.(*due).index = len(*d)
	*d = append(*d, x.(*due))
}
func (d *dues) Pop() any {
	last := (*d)[len(*d)-1]
	(*d)[len(*d)-1] = nil
	*d = (*d)[:len(*d)-1]
	last.index = -1
	return last
}
