/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * The program is one for all targets: what differs is in the table, which is memory that we
 * share with it, so that it can be loaded before anything is known of a target, and
 * before bpf(2) is given up.  Whatever the table says, all that it can do is copy memory
 * of the thread that it interrupts, from where that could read by itself, to the ring.
 *
 * In C it would be:
 *
 *	slot = &table[tid & (SLOTS - 1)];
 *	if (slot->tid != tid)
 *		return;
 *	put(extra 0); put(extra 1);
 *	at = put(head), the pointer at slot->link there;
 *	if (slot->mid_len) {
 *		put(what the pointer at slot->mid_previous of put(at) leads to);
 *		at = put(at), the pointer at slot->mid_link;
 *	}
 *	for (hops = 0; at && hops < MOST_HOPS; hops++)
 *		at = put(at, and up to the frame before, if that is near),
 *		     the pointer at slot->next;
 *		put(what the pointer at slot->aside leads to), and parts of what that leads to,
 *		     if the pointer is not known, of the first MOST_ASIDE;
 *	copy the C stack, if that is asked for: see cstack.c;
 *	give the record to the ring;
 *
 * put() adds a region to the record and answers 0 if it can't.  The length of the record is
 * kept in the record: what comes from memory can be anything to the kernel's verifier, so
 * it has nothing to remember from turn to turn.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"
#include "kernel/bpf.h"
#include "kernel/program.h"

#define EXTRA(i) { LOAD, 3, 7, (int16_t)(AT(extra) + 8 * (i)), 0 }, \
	{ LOAD, 4, 7, (int16_t)(AT(extra_len) + 8 * (i)), 0 }, { SET, 5, 0, 0, 0 }
#define PUT_CALL { STORE, 8, 4, RECORD(want), 0 }, { MOVE, 1, 8, 0, 0 }, \
	{ MOVE, 2, 7, 0, 0 }, { CALL, 0, LOCAL, 0, PUT }
#define NEXT { LOAD, 6, 8, RECORD(next), 0 }

/* Pointers are aligned; where the kernel insists that this shows, it has 64 bits. */
#ifdef __riscv
enum { LINK_BITS = MOST_REGION & ~7 };
#else
enum { LINK_BITS = MOST_REGION };
#endif

/* r6 gets the tid: the kernel's own number, */
static const struct instruction global_tid[] = {
	{ CALL, 0, 0, 0, TIDS },
	{ MOVE_32, 6, 0, 0, 0 },
};

/* or that of our pid namespace. */
static const struct instruction local_tid[] = {
	{ WIDE, 1, 0, 0, DEVICE }, { 0, 0, 0, 0, 0 },
	{ WIDE, 2, 0, 0, INODE }, { 0, 0, 0, 0, 0 },
	{ MOVE, 3, 10, 0, 0 },
	{ ADD_TO, 3, 0, 0, -16 },
	{ SET, 4, 0, 0, 8 },
	{ CALL, 0, 0, 0, TIDS_IN_NAMESPACE },
	{ GOTO_UNLESS_IS, 0, 0, OUT, 0 },
	{ LOAD_32, 6, 10, -16, 0 },
};

/* r7 is the slot, r8 the record. */
static const struct instruction body[] = {
	{ WIDE, 7, MAP_VALUE, 0, TABLE }, { 0, 0, 0, 0, 0 },
	{ MOVE, 1, 6, 0, 0 },
	{ MASK, 1, 0, 0, SLOTS - 1 },
	{ TIMES, 1, 0, 0, sizeof(struct slot) },
	{ ADD, 7, 1, 0, 0 },
	{ ADD_TO, 7, 0, 0, offsetof(struct table, slots) },
	{ LOAD_32, 1, 7, AT(tid), 0 },
	{ GOTO_UNLESS, 1, 6, OUT, 0 },
	{ SET, 1, 0, 0, 0 },
	{ STORE_32, 10, 1, -4, 0 },
	{ WIDE, 1, MAP, 0, SCRATCH }, { 0, 0, 0, 0, 0 },
	{ MOVE, 2, 10, 0, 0 },
	{ ADD_TO, 2, 0, 0, -4 },
	{ CALL, 0, 0, 0, LOOKUP },
	{ GOTO_IF_IS, 0, 0, OUT, 0 },
	{ MOVE, 8, 0, 0, 0 },
	{ CALL, 0, 0, 0, TIME },
	{ STORE, 8, 0, RECORD(time), 0 },
	{ STORE_32, 8, 6, RECORD(tid), 0 },
	{ LOAD_32, 1, 7, AT(serial), 0 },
	{ STORE_32, 8, 1, RECORD(serial), 0 },
	{ SET, 1, 0, 0, sizeof(struct record) },
	{ STORE, 8, 1, RECORD(len), 0 },
	{ SET, 1, 0, 0, 0 },
	{ STORE, 8, 1, RECORD(c_part), 0 },
	EXTRA(0), PUT_CALL,
	EXTRA(1), PUT_CALL,
	{ LOAD, 3, 7, AT(head), 0 },
	{ LOAD, 4, 7, AT(head_len), 0 },
	{ LOAD, 5, 7, AT(link), 0 },
	PUT_CALL, NEXT,
	{ LOAD, 4, 7, AT(mid_len), 0 },
	{ GOTO_IF_IS, 4, 0, 21, 0 },
	{ MOVE, 3, 6, 0, 0 }, /* of a _PyCFrame the one before it, */
	{ LOAD, 5, 7, AT(mid_previous), 0 },
	PUT_CALL,
	{ LOAD, 3, 8, RECORD(next), 0 },
	{ LOAD, 4, 7, AT(mid_len), 0 },
	{ SET, 5, 0, 0, 0 },
	PUT_CALL,
	{ MOVE, 3, 6, 0, 0 }, /* and itself */
	{ LOAD, 4, 7, AT(mid_len), 0 },
	{ LOAD, 5, 7, AT(mid_link), 0 },
	PUT_CALL, NEXT,
	{ SET, 9, 0, 0, 0 },
	{ STORE, 10, 9, -16, 0 }, /* the frame before */
	{ GO_ON, 9, 0, 0, 0 }, /* hops; see load_either() */
	{ GO_ON, 0, 0, 0, 0 },
	{ GOTO_IF_IS, 6, 0, 24, 0 },
	{ LOAD, 4, 7, AT(len), 0 },
	{ LOAD, 1, 10, -16, 0 },
	{ SUBTRACT, 1, 6, 0, 0 },
	{ LOAD, 2, 7, AT(adjoin), 0 },
	{ GOTO_IF_ABOVE, 1, 2, 1, 0 },
	{ MOVE, 4, 1, 0, 0 },
	{ STORE, 10, 6, -16, 0 },
	{ MOVE, 3, 6, 0, 0 },
	{ LOAD, 5, 7, AT(next), 0 },
	PUT_CALL, NEXT,
	{ MOVE, 1, 9, 0, 0 }, /* hides from the verifier what that says of r9 */
	{ MASK, 1, 0, 0, 2 * MOST_HOPS - 1 },
	{ GOTO_IF_MORE, 1, 0, 5, MOST_ASIDE },
	{ LOAD, 4, 7, AT(aside_len), 0 },
	{ GOTO_IF_IS, 4, 0, 3, 0 },
	{ MOVE, 1, 8, 0, 0 },
	{ MOVE, 2, 7, 0, 0 },
	{ CALL, 0, LOCAL, 0, ASIDE },
	{ ADD_TO, 9, 0, 0, 1 },
	{ GOTO_IF_LESS, 9, 0, -26, MOST_HOPS },
};

/* With C stacks this comes here. */
static const struct instruction c_call[] = {
	{ LOAD, 1, 7, AT(stack), 0 },
	{ GOTO_IF_IS, 1, 0, 3, 0 },
	{ MOVE, 1, 8, 0, 0 },
	{ MOVE, 2, 7, 0, 0 },
	{ CALL, 0, LOCAL, 0, C_STACK },
};

static const struct instruction ending[] = {
	{ WIDE, 1, MAP, 0, THE_RING }, { 0, 0, 0, 0, 0 },
	{ MOVE, 2, 8, 0, 0 },
	{ LOAD, 3, 8, RECORD(len), 0 },
	{ GOTO_IF_MORE, 3, 0, OUT, MOST_RECORD },
	{ SET, 4, 0, 0, NO_WAKEUP },
	{ CALL, 0, 0, 0, OUTPUT },
};

static const struct instruction out[] = {
	{ SET, 0, 0, 0, 0 },
	{ EXIT, 0, 0, 0, 0 },
};

/* put(record, slot, address, length, where the pointer is) */
static const struct instruction put[] = {
	{ MOVE, 6, 1, 0, 0 },
	{ MOVE, 7, 5, 0, 0 },
	{ MOVE, 8, 2, 0, 0 },
	{ SET, 1, 0, 0, 0 },
	{ STORE, 6, 1, RECORD(next), 0 },
	{ LOAD, 4, 6, RECORD(want), 0 },
	{ MASK, 4, 0, 0, MOST_REGION },
	{ LOAD, 9, 6, RECORD(len), 0 },
	{ MASK, 9, 0, 0, MOST_RECORD - 8 },
	{ GOTO_IF_MORE, 9, 0, 27, MOST_RECORD - 2 * (MOST_REGION + 1) },
	{ MOVE, 1, 9, 0, 0 },
	{ ADD, 1, 4, 0, 0 },
	{ ADD_TO, 1, 0, 0, 16 + 7 },
	{ MASK, 1, 0, 0, ~7 },
	{ STORE, 10, 1, -8, 0 },
	{ ADD, 9, 6, 0, 0 },
	{ STORE, 9, 3, 0, 0 },
	{ STORE, 9, 4, 8, 0 },
	{ MOVE, 1, 9, 0, 0 },
	{ ADD_TO, 1, 0, 0, 16 },
	{ MOVE, 2, 4, 0, 0 },
	{ CALL, 0, 0, 0, COPY },
	{ GOTO_UNLESS_IS, 0, 0, 14, 0 },
	{ LOAD, 1, 10, -8, 0 },
	{ STORE, 6, 1, RECORD(len), 0 },
	{ LOAD, 2, 8, AT(mask), 0 },
	{ LOAD, 1, 8, AT(aside), 0 },
	{ MASK, 1, 0, 0, LINK_BITS },
	{ ADD, 1, 9, 0, 0 },
	{ LOAD, 1, 1, 16, 0 },
	{ AND, 1, 2, 0, 0 },
	{ STORE, 6, 1, RECORD(aside), 0 },
	{ MASK, 7, 0, 0, LINK_BITS },
	{ ADD, 9, 7, 0, 0 },
	{ LOAD, 1, 9, 16, 0 },
	{ AND, 1, 2, 0, 0 },
	{ STORE, 6, 1, RECORD(next), 0 },
	{ SET, 0, 0, 0, 0 },
	{ EXIT, 0, 0, 0, 0 },
};

/* aside(record, slot): puts what the last frame has aside, if that is not known. */
static const struct instruction aside[] = {
	{ MOVE, 8, 1, 0, 0 },
	{ MOVE, 7, 2, 0, 0 },
	{ STORE, 10, 2, -16, 0 },
	{ LOAD, 6, 8, RECORD(aside), 0 },
	{ MOVE, 1, 6, 0, 0 },
	{ SHIFT, 1, 0, 0, 4 },
	{ MOVE, 2, 1, 0, 0 },
	{ MASK, 2, 0, 0, KNOWN - 1 },
	{ WIDE, 3, MAP_VALUE, 0, TABLE }, { 0, 0, 0, 0, 0 },
	{ ADD, 3, 2, 0, 0 },
	{ LOAD_8, 2, 3, 0, 0 },
	{ SHIFT, 1, 0, 0, 13 },
	{ OR, 1, 0, 0, 128 },
	{ MASK, 1, 0, 0, 255 },
	{ GOTO_IF_SAME, 1, 2, 31, 0 },
	{ LOAD, 3, 7, AT(aside_from), 0 },
	{ ADD, 3, 6, 0, 0 },
	{ LOAD, 4, 7, AT(aside_len), 0 },
	{ SET, 5, 0, 0, 0 },
	PUT_CALL,
	{ SET, 9, 0, 0, 0 }, /* parts */
	{ LOAD, 3, 7, AT(parts[0].at), 0 },
	{ ADD, 3, 6, 0, 0 },
	{ MOVE, 1, 10, 0, 0 },
	{ ADD_TO, 1, 0, 0, -8 },
	{ SET, 2, 0, 0, 8 },
	{ CALL, 0, 0, 0, COPY },
	{ GOTO_UNLESS_IS, 0, 0, 12, 0 },
	{ LOAD, 3, 10, -8, 0 },
	{ LOAD, 1, 10, -16, 0 },
	{ LOAD, 1, 1, AT(mask), 0 },
	{ AND, 3, 1, 0, 0 },
	{ LOAD, 1, 7, AT(parts[0].from), 0 },
	{ ADD, 3, 1, 0, 0 },
	{ LOAD, 4, 7, AT(parts[0].len), 0 },
	{ STORE, 8, 4, RECORD(want), 0 },
	{ MOVE, 1, 8, 0, 0 },
	{ LOAD, 2, 10, -16, 0 },
	{ SET, 5, 0, 0, 0 },
	{ CALL, 0, LOCAL, 0, PUT },
	{ ADD_TO, 7, 0, 0, 24 },
	{ ADD_TO, 9, 0, 0, 1 },
	{ GOTO_IF_LESS, 9, 0, -22, PARTS },
	{ SET, 0, 0, 0, 0 },
	{ EXIT, 0, 0, 0, 0 },
};

struct places { /* what is not known before */
	int table, scratch, ring;
	struct stat space; /* our pid namespace, */
	int is_first;      /* which is the kernel's own */
};

struct code {
	struct instruction at[LEN(local_tid) + LEN(body) + LEN(c_call) + LEN(ending) + LEN(out) +
	                      LEN(put) + LEN(aside) + MOST_PART];
	size_t n;
};

static void
append(struct code *c, const struct instruction *some, size_t n)
{
	memcpy(c->at + c->n, some, n * sizeof *some);
	c->n += n;
}

static void
set_wide(struct instruction *i, uint64_t value)
{
	i[0].value = (int32_t)value;
	i[1].value = (int32_t)(value >> 32);
}

/* Puts in what was not known.  end: where OUT is. */
static void
resolve(struct code *c, const struct places *p, size_t end)
{
	const size_t called[] = { 0, LEN(put), LEN(put) + LEN(aside) }; /* from PUT on */

	for (size_t i = 0; i < c->n; i++) {
		struct instruction *at = &c->at[i];

		if (at->off == OUT)
			at->off = (int16_t)(end - i - 1);
		if (at->code == CALL && at->from == LOCAL)
			at->value = (int32_t)(end + LEN(out) + called[at->value - PUT] - i - 1);
		if (at->code != WIDE)
			continue;
		switch (at->value) {
		case TABLE: at->value = p->table; break;
		case SCRATCH: at->value = p->scratch; break;
		case THE_RING: at->value = p->ring; break;
		case DEVICE: set_wide(at, p->space.st_dev); break;
		case INODE: set_wide(at, p->space.st_ino); break;
		}
	}
}

/*
 * The verifier goes through a loop as often as that may be gone through.  From Linux 6.9 on there
 * is an instruction that ends any loop some day; then it looks but at what all turns have in
 * common, if it does not know their number either, which takes a tenth of the time.
 */
static int
load_either(struct code *c)
{
	enum { TO_END = 25 };
	struct instruction *at = c->at;
	int fd;

	while (at->code != GO_ON)
		at++;
	at[0] = (struct instruction){ LOAD, 9, 7, AT(hops), 0 };
	at[1] = (struct instruction){ MAY_GOTO, 0, 0, TO_END, 0 };
	fd = bpf_load(c->at, c->n);
	if (fd >= 0)
		return fd;
	at[0] = (struct instruction){ SET, 9, 0, 0, 0 };
	at[1] = (struct instruction){ GO_ON, 0, 0, 0, 0 };
	return bpf_load(c->at, c->n);
}

/* Assembles it. */
static void
assemble(const struct places *p, const struct part *with, struct code *c)
{
	size_t end;

	c->n = 0;
	if (p->is_first)
		append(c, global_tid, LEN(global_tid));
	else
		append(c, local_tid, LEN(local_tid));
	append(c, body, LEN(body));
	if (with)
		append(c, c_call, LEN(c_call));
	append(c, ending, LEN(ending));
	end = c->n;
	append(c, out, LEN(out));
	append(c, put, LEN(put));
	append(c, aside, LEN(aside));
	if (with)
		append(c, with->at, with->n);
	resolve(c, p, end);
}

/* Maps what is shared.  0, or -1. */
static int
share(struct program *p, const struct places *at)
{
	size_t page = (size_t)getauxval(AT_PAGESZ), table = sizeof(struct table);
	void *slots = mmap(NULL, table, PROT_READ | PROT_WRITE, MAP_SHARED, at->table, 0);
	void *ours = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, at->ring, 0);
	void *theirs = mmap(NULL, page + 2 * p->ring_size, PROT_READ, MAP_SHARED, at->ring,
	                    (off_t)page);

	if (slots == MAP_FAILED || ours == MAP_FAILED || theirs == MAP_FAILED)
		return -1;
	p->table = slots;
	p->taken = ours;
	p->put = theirs;
	p->ring = (const unsigned char *)theirs + page;
	return 0;
}

/* With that part, if there is one and the kernel has what that takes. */
static int
assemble_and_load(const struct places *at, const struct part *with)
{
	struct code code;
	int fd = -1;

	if (with) {
		assemble(at, with, &code);
		fd = load_either(&code);
	}
	if (fd < 0) {
		assemble(at, NULL, &code);
		fd = load_either(&code);
	}
	return fd;
}

int
program_load(struct program *p, const struct part *with)
{
	enum { FIRST_INODE = (int)0xeffffffc }; /* linux/proc_ns.h, PROC_PID_INIT_INO */
	struct places at = { 0 };
	struct rlimit before;
	int raised;

	at.is_first = !stat("/proc/self/ns/pid", &at.space) &&
	              (uint32_t)at.space.st_ino == (uint32_t)FIRST_INODE;
	/* Up to 5.10 the kernel takes such memory for locked.  A command is not to inherit that. */
	raised = !prlimit(0, RLIMIT_MEMLOCK, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY }, &before);
	p->ring_size = with ? RING_WITH_C : RING_SIZE;
	at.table = bpf_map(ARRAY, 4, sizeof(struct table), 1, MAPPABLE);
	at.scratch = bpf_map(ARRAY_PER_CPU, 4, MOST_RECORD, 1, 0);
	at.ring = bpf_map(RING, 0, 0, (uint32_t)p->ring_size, 0);
	p->fd = at.table < 0 || at.scratch < 0 || at.ring < 0 || share(p, &at) ? -1 :
	        assemble_and_load(&at, with);
	if (at.table >= 0)
		close(at.table);
	if (at.scratch >= 0)
		close(at.scratch);
	if (at.ring >= 0)
		close(at.ring);
	if (raised)
		prlimit(0, RLIMIT_MEMLOCK, &before, NULL);
	return p->fd < 0 ? -1 : 0;
}
