/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies wait here until they are taken.  A thread that runs all the time makes one each
 * period, and one is taken each tick, about; so two that wait are enough for ticks that come
 * early and late, and each is taken once.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util.h"
#include "kernel/program.h"
#include "kernel/cstack.h"
#include "kernel/events.h"
#include "kernel/kernel.h"

enum {
	WAITING = 2,
	AROUND_MS = 500,    /* two periods and this: a thread that runs may be without a CPU */
	OWNED_MS = 1000,    /* how long a slot is kept for a thread that nobody asks for */
	ENABLED_MS = 3000,  /* and they are interrupted, then */
	MOST_WAITED_MS = 5, /* the longest period of which two are waited for a copy, */
	MOST_WAITS = 4,
	STARVED_MS = 10,    /* and so long more, as for a CPU the thread may have to wait, too */
	LOOK_EACH_NS = 50000,
	VARY_EACH = 32,     /* ticks: it costs us and the thread an interrupt */
	PARTS_LESS = 5,     /* by up to a fifth */
	SHORTEST_NS = 50000, /* period: being interrupted takes the thread some time */
};

struct queue { /* of one slot */
	struct buf copies[WAITING]; /* the oldest first; in the last place, where none waits, the
	                             * one that was taken last */
	size_t n;
	int64_t asked;
	int waits; /* for a first one */
};

static struct {
	int open, refused;
	int64_t period;
	int on;         /* the events are */
	int64_t asked;  /* for any copy */
	unsigned ticks; /* since they are */
	struct program program;
	struct queue queues[SLOTS];
	const struct record *last; /* copy that was taken */
} kernel;

void
kernel_prepare(int64_t period, int with_c)
{
	if (period < SHORTEST_NS)
		return;
	kernel.period = period;
	kernel.refused = program_load(&kernel.program, with_c ? cstack_part() : NULL) != 0;
}

void
kernel_open(const int *pids, size_t n)
{
	size_t events = 0;

	if (!kernel.period || kernel.refused)
		return;
	for (size_t i = 0; i < n; i++)
		events = events_open(pids[i], kernel.period, kernel.program.fd);
	if (!n)
		events = events_open(-1, kernel.period, kernel.program.fd);
	close(kernel.program.fd); /* the events have it */
	kernel.open = events > 0;
	kernel.refused = !events;
}

int
kernel_is_open(void)
{
	return kernel.open;
}

int
kernel_is_refused(void)
{
	return kernel.refused;
}

/* ---- the ring ---- */

/* The oldest is forgotten if there are too many. */
static void
keep(struct queue *q, const struct record *r)
{
	struct buf oldest = q->copies[0];

	if (q->n == WAITING) {
		memmove(q->copies, q->copies + 1, (WAITING - 1) * sizeof *q->copies);
		q->copies[--q->n] = oldest;
	}
	q->copies[q->n].len = 0;
	buf_add(&q->copies[q->n++], r, r->len);
}

static void
sort_in(const struct record *r, size_t len)
{
	const struct slot *slot = &kernel.program.table->slots[r->tid % SLOTS];

	if (len >= sizeof *r && r->len >= sizeof *r && r->len <= len && slot->tid == r->tid &&
	    slot->serial == r->serial)
		keep(&kernel.queues[r->tid % SLOTS], r);
}

/* Takes all there is.  Each has a word before it: its length, and whether it is being made
 * or is none (linux/bpf.h, BPF_RINGBUF_BUSY_BIT and the next). */
static void
drain(void)
{
	const uint32_t busy = 1u << 31, none = 1u << 30;
	uint64_t at = __atomic_load_n(kernel.program.taken, __ATOMIC_RELAXED);

	while (at < __atomic_load_n(kernel.program.put, __ATOMIC_ACQUIRE)) {
		const unsigned char *p = kernel.program.ring + (at & (kernel.program.ring_size - 1));
		uint32_t word = __atomic_load_n((const uint32_t *)p, __ATOMIC_ACQUIRE);
		uint32_t len = word & ~(busy | none);

		if (word & busy)
			break;
		if (!(word & none))
			sort_in((const struct record *)(p + 8), len);
		at += (8 + (uint64_t)len + 7) & ~(uint64_t)7;
		__atomic_store_n(kernel.program.taken, at, __ATOMIC_RELEASE);
	}
}

/* ---- asking ---- */

static int
fits(const struct kernel_chain *c)
{
	const unsigned most[] = {
		c->head_len, c->mid_len, c->len, c->aside_len, c->extra[0].len, c->extra[1].len,
		c->link, c->mid_link, c->mid_previous, c->next, c->aside,
	};

	for (size_t i = 0; i < LEN(most); i++)
		if (most[i] > MOST_REGION)
			return 0;
	return 1;
}

/* Whether that is what the kernel copies of that thread.  Who does not ask for extras does not
 * mind them. */
static int
is_asked_for(const struct slot *s, int tid, const struct kernel_chain *c)
{
	int same = s->tid == (uint32_t)tid && s->head == c->head;

	for (size_t i = 0; i < LEN(c->extra); i++)
		same = same && (!c->extra[i].len || (s->extra[i] == c->extra[i].addr &&
		                                     s->extra_len[i] == c->extra[i].len));
	return same;
}

static void
ask_for(struct slot *s, int tid, const struct kernel_chain *c)
{
	uint32_t serial = s->serial + 1;

	__atomic_store_n(&s->tid, 0, __ATOMIC_SEQ_CST);
	*s = (struct slot){
		.serial = serial, .head = c->head, .head_len = c->head_len, .link = c->link,
		.mid_len = c->mid_len, .mid_link = c->mid_link, .mid_previous = c->mid_previous,
		.len = c->len, .next = c->next,
		.aside = c->aside, .aside_from = c->aside_from, .aside_len = c->aside_len,
		.adjoin = c->adjoin ? MOST_REGION : 0,
		.mask = c->ptr == 8 ? UINT64_MAX : UINT32_MAX,
	};
	for (size_t i = 0; i < LEN(c->extra); i++) {
		s->extra[i] = c->extra[i].addr;
		s->extra_len[i] = c->extra[i].len;
	}
	for (size_t i = 0; i < PARTS; i++) {
		s->parts[i].at = c->parts[i].at;
		s->parts[i].from = c->parts[i].from;
		s->parts[i].len = c->parts[i].len;
	}
	__atomic_store_n(&s->tid, (uint32_t)tid, __ATOMIC_SEQ_CST);
}

static void
switch_on(int on)
{
	if (kernel.on != on)
		events_switch(on);
	kernel.on = on;
}

/* Now and then another period, of nine tenths on average, so that no program's own rhythm
 * is in step, and there are rather too many copies than too few. */
static void
vary(int64_t now)
{
	int64_t some = kernel.period / PARTS_LESS;

	if (!(++kernel.ticks % VARY_EACH))
		events_vary(kernel.period - some * (hash_words((uint64_t)now, 0) & 255) / 256);
}

void
kernel_tick(void)
{
	int64_t now = kernel.on ? now_ns() : 0;

	if (kernel.on && now - kernel.asked > ENABLED_MS * MS)
		switch_on(0);
	if (kernel.on)
		vary(now);
}

static int64_t
oldest_good(int64_t now)
{
	return now - 2 * kernel.period - AROUND_MS * MS;
}

static int64_t
time_of(const struct buf *copy)
{
	return copy->len ? (int64_t)((const struct record *)copy->data)->time : 0;
}

/* Takes the oldest that waits; it is the last in its place until another one is. */
static struct buf *
next_copy(struct queue *q)
{
	struct buf first = q->copies[0];

	memmove(q->copies, q->copies + 1, (WAITING - 1) * sizeof *q->copies);
	q->copies[WAITING - 1] = first;
	q->n--;
	return &q->copies[WAITING - 1];
}

/* The oldest that is young enough. */
static enum kernel_answer
take(struct queue *q, int64_t now, struct kernel_copy *copy)
{
	struct buf *taken = &q->copies[WAITING - 1];
	int64_t oldest = oldest_good(now);
	enum kernel_answer answer = KERNEL_SAME;

	drain();
	for (; q->n && (answer == KERNEL_SAME || time_of(taken) < oldest); answer = KERNEL_COPY)
		taken = next_copy(q);
	if (time_of(taken) < oldest)
		return KERNEL_NONE;
	kernel.last = (const struct record *)taken->data;
	copy->time = time_of(taken);
	copy->rest = (const unsigned char *)(kernel.last + 1);
	copy->left = (kernel.last->c_part ? kernel.last->c_part : taken->len) - sizeof *kernel.last;
	return answer;
}

static enum kernel_answer
wait_for_next(struct queue *q, int64_t now, struct kernel_copy *copy)
{
	int64_t until = now + 2 * kernel.period + STARVED_MS * MS;
	enum kernel_answer answer = take(q, now, copy);

	if (kernel.period > MOST_WAITED_MS * MS)
		return answer;
	while (answer != KERNEL_COPY && now < until) {
		nanosleep(&(struct timespec){ 0, LOOK_EACH_NS }, NULL);
		now = now_ns();
		answer = take(q, now, copy);
	}
	return answer;
}

/* Has the thread's slot ask for that.  0: it is another's. */
static int
claim(struct slot *slot, struct queue *q, int tid, const struct kernel_chain *c, int64_t now)
{
	if (is_asked_for(slot, tid, c))
		return 1;
	if (slot->tid && slot->tid != (uint32_t)tid && now - q->asked < OWNED_MS * MS)
		return 0;
	ask_for(slot, tid, c);
	q->n = q->copies[WAITING - 1].len = 0;
	q->waits = 0;
	return 1;
}

/* Whether there has been none for long, but may soon be. */
static int
is_first(struct queue *q, int64_t now)
{
	return !q->n && time_of(&q->copies[WAITING - 1]) < oldest_good(now) &&
	       q->waits++ < MOST_WAITS;
}

enum kernel_answer
kernel_take(int tid, const struct kernel_chain *c, int patient, struct kernel_copy *copy)
{
	struct slot *slot = &kernel.program.table->slots[(unsigned)tid % SLOTS];
	struct queue *q = &kernel.queues[(unsigned)tid % SLOTS];
	int64_t now = now_ns();

	if (!kernel.open || tid <= 0 || !fits(c) || !claim(slot, q, tid, c, now))
		return KERNEL_NONE;
	slot->stack = c->stack / CHUNK;
	q->asked = kernel.asked = now;
	if (!kernel.on)
		q->waits = 0;
	switch_on(1);
	if (patient > 0 || (!patient && is_first(q, now)))
		return wait_for_next(q, now, copy);
	return take(q, now, copy);
}

int
kernel_c_stack(struct kernel_c *c)
{
	const struct record *r = kernel.last;

	if (!r->c_part)
		return -1;
	c->registers = (const unsigned char *)r + r->c_part;
	c->size = C_REGS * 8;
	memcpy(&c->at, c->registers + c->size, sizeof c->at);
	c->bytes = c->registers + c->size + sizeof c->at;
	c->len = r->len - r->c_part - c->size - sizeof c->at;
	return 0;
}

void
kernel_know(raddr addr, int known)
{
	uint8_t mark, *at;

	if (!kernel.open)
		return;
	at = known_place(kernel.program.table, addr, &mark);
	__atomic_store_n(at, known ? mark : 0, __ATOMIC_RELAXED);
}

void
kernel_leave(int tid)
{
	struct slot *slot = &kernel.program.table->slots[(unsigned)tid % SLOTS];

	if (kernel.open && slot->tid == (uint32_t)tid)
		__atomic_store_n(&slot->tid, 0, __ATOMIC_RELAXED);
}

const void *
kernel_region(struct kernel_copy *copy, raddr *addr, size_t *len)
{
	uint64_t head[2];
	const void *bytes;
	size_t whole;

	do {
		if (copy->left < sizeof head)
			return NULL;
		memcpy(head, copy->rest, sizeof head);
		bytes = copy->rest + sizeof head;
		if (head[1] > MOST_REGION)
			return NULL;
		whole = (sizeof head + head[1] + 7) & ~(size_t)7;
		if (whole > copy->left)
			return NULL;
		copy->rest += whole;
		copy->left -= whole;
	} while (!head[1]);
	*addr = head[0];
	*len = (size_t)head[1];
	return bytes;
}
