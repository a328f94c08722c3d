/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache of code objects, and what makes sure of them.
 *
 * Identity.  From 3.12 on a code object carries a version number that is not
 * given twice (co_version; CPython v3.12.0 Objects/codeobject.c, init_code).
 * It lies among the fields from co_firstlineno to co_linetable, none of which
 * ever changes, so those bytes are the identity.  Before 3.12 a new object
 * can have the very same bytes there (its name and line table having come to
 * lie where the old ones were), so the name's hash, the end of the file's name
 * and the start of the line table belong to the identity too.
 *
 * What has ended keeps its bytes for a while, after those of its name are others'.  So for a
 * stack that the kernel has copied, and whose code objects may be decoded when they have ended,
 * these belong to it from 3.12 on as well.
 *
 * Where the interpreter counts the code objects that it has freed (3.14 and later), a
 * count that has not changed says the same of all of them at once.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "memory.h"
#include "kernel/kernel.h"
#include "layouts.h"
#include "objects.h"
#include "snapshot.h"
#include "code.h"
#include "codes.h"

enum {
	MAX_CODES = 1 << 15,    /* then all are forgotten */
	MAX_PLACES = 1 << 18,   /* (code object, offset) pairs; the same */
	MAX_TABLES = 128 << 20, /* bytes of all line tables of all targets; then a target's */
	FEW_TABLES = 4 << 20,   /* are forgotten, if they are more than that */
	MAX_WORK = 64 << 20,    /* bytes decoded for one stack */
	COMPARED = 32,          /* bytes of a file's name, of a line table */
	MAX_IDENTITY = CODE_MAX_FIELDS + 4 * COMPARED,
	MAX_PARTS = 4,          /* of an identity */
};

struct entry {
	struct code code;        /* the first member, see codes_find() */
	struct mem_vec file_end; /* the last bytes of the file's name */
	size_t table_start;      /* bytes of the line table that are compared */
	uint64_t checked_at;     /* see freed_count(); 0: never */
	uint32_t number;         /* distinct for every code object ever decoded */
	uint32_t serial;         /* of the list that it was put on last */
	int64_t learned;         /* when that began, now_ns() */
	int whole;               /* all parts of the identity are known */
	unsigned char identity[MAX_IDENTITY];
};

/* One (code object, offset) and its frame. */
struct place {
	uint32_t code; /* number; 0: empty */
	uint32_t frame;
	int64_t offset;
};

struct codes {
	struct mem *mem;
	const struct layout *l;
	struct profile *profile;
	int with_lines;
	raddr type;
	struct entry **slots; /* by address, open addressing */
	size_t n, cap;
	struct place *places;
	size_t n_places, cap_places;
	uint32_t last_number, epoch;
	size_t tables;  /* bytes of all line tables */
	size_t work;    /* bytes decoded for this stack */
	struct code_list list; /* of this stack */
	uint32_t serial;       /* of that list, for marking what is on it */
	struct snap *shared;   /* identities that were read with several samples */
	struct snap *after;    /* and those that were read after this one */
};

static size_t all_tables; /* bytes of all line tables of all targets */

struct codes *
codes_new(struct mem *mem, const struct layout *l, struct profile *profile, int with_lines)
{
	struct codes *c = xcalloc(1, sizeof *c);

	*c = (struct codes){ .mem = mem, .l = l, .profile = profile, .with_lines = with_lines,
	                     .shared = snap_new(mem), .after = snap_new(mem) };
	return c;
}

static void
entry_free(struct entry *e)
{
	if (!e)
		return;
	code_clear(&e->code);
	free(e);
}

static void
forget_all(struct codes *c)
{
	for (size_t i = 0; i < c->cap; i++)
		entry_free(c->slots[i]);
	all_tables -= c->tables;
	free(c->slots);
	free(c->places);
	c->slots = NULL;
	c->places = NULL;
	c->n = c->cap = c->n_places = c->cap_places = c->tables = 0;
	c->epoch++;
}

void
codes_free(struct codes *c)
{
	if (!c)
		return;
	forget_all(c);
	snap_free(c->shared);
	snap_free(c->after);
	free(c->list.addrs);
	free(c);
}

uint32_t
codes_epoch(const struct codes *c)
{
	return c->epoch;
}

int
codes_exhausted(const struct codes *c)
{
	return c->work > MAX_WORK;
}

/* ---- by address ---- */

static struct entry **
entry_slot(const struct codes *c, raddr addr)
{
	size_t i = hash_words(addr, 0) & (c->cap - 1);

	while (c->slots[i] && c->slots[i]->code.addr != addr)
		i = (i + 1) & (c->cap - 1);
	return &c->slots[i];
}

static struct entry *
find(const struct codes *c, raddr addr)
{
	return c->cap ? *entry_slot(c, addr) : NULL;
}

struct code *
codes_find(struct codes *c, raddr addr)
{
	return (struct code *)find(c, addr);
}

static void
grow_slots(struct codes *c)
{
	struct entry **old = c->slots;
	size_t cap = c->cap;

	c->cap = cap ? cap * 2 : 64;
	c->slots = xcalloc(c->cap, sizeof *c->slots);
	for (size_t i = 0; i < cap; i++)
		if (old[i])
			*entry_slot(c, old[i]->code.addr) = old[i];
	free(old);
}

static void
insert(struct codes *c, struct entry *e)
{
	struct entry **slot;

	if (c->n * 2 >= c->cap)
		grow_slots(c);
	slot = entry_slot(c, e->code.addr);
	if (*slot) {
		c->tables -= (*slot)->code.table_len;
		all_tables -= (*slot)->code.table_len;
		entry_free(*slot);
		c->epoch++;
	} else {
		c->n++;
	}
	*slot = e;
}

/* ---- frames ---- */

static struct place *
place_slot(const struct codes *c, uint32_t code, int64_t offset)
{
	size_t i = hash_words(code, (uint64_t)offset) & (c->cap_places - 1);

	while (c->places[i].code && (c->places[i].code != code || c->places[i].offset != offset))
		i = (i + 1) & (c->cap_places - 1);
	return &c->places[i];
}

static void
grow_places(struct codes *c)
{
	struct place *old = c->places;
	size_t cap = c->cap_places;

	/* Places of code objects that are gone are dropped now and then. */
	if (c->n_places >= MAX_PLACES) {
		cap = 0;
		c->n_places = 0;
		c->cap_places = 0;
	}
	c->cap_places = c->cap_places ? c->cap_places * 2 : 64;
	c->places = xcalloc(c->cap_places, sizeof *c->places);
	for (size_t i = 0; i < cap; i++)
		if (old[i].code)
			*place_slot(c, old[i].code, old[i].offset) = old[i];
	free(old);
}

/* The frame's number in the profile, computed. */
static uint32_t
compute_frame(struct codes *c, const struct code *code, int64_t offset)
{
	int line = c->with_lines ? code_line(c->l, code, offset) : 0;

	c->work += code->table_len;
	return profile_frame(c->profile, (struct profile_frame){
		code->file_text, code->function_text, line });
}

uint32_t
codes_frame(struct codes *c, struct code *code, int64_t offset)
{
	uint32_t number = ((struct entry *)code)->number;
	struct place *place;

	if (!c->with_lines)
		offset = 0;
	if (c->n_places * 2 >= c->cap_places)
		grow_places(c);
	place = place_slot(c, number, offset);
	if (!place->code) {
		*place = (struct place){ number, compute_frame(c, code, offset), offset };
		c->n_places++;
	}
	return place->frame;
}

/* ---- identities ---- */

/* Whether the interpreter counts the code objects that it has freed. */
static int
tells_freed(const struct layout *l)
{
	return l->interp.generation != ABSENT;
}

/* The regions that make up an identity, or the whole of it.  Returns how many. */
static size_t
identity_parts(const struct layout *l, const struct entry *e, int whole,
               struct mem_vec v[MAX_PARTS])
{
	size_t bytes_head = (size_t)(l->bytes.data - l->bytes.length);

	v[0] = (struct mem_vec){ e->code.addr + (raddr)l->code.id_from, code_fields_size(l) };
	if (l->code.id_unique && !whole)
		return 1;
	/* A name is interned, so its hash is there, after its length. */
	if (l->text == TEXT_BYTES)
		v[1] = (struct mem_vec){ e->code.name + (raddr)l->bytes.length, bytes_head };
	else
		v[1] = (struct mem_vec){ e->code.name + (raddr)l->unicode.length, 16 };
	v[2] = (struct mem_vec){ e->code.linetable + (raddr)l->bytes.length,
	                         bytes_head + e->table_start };
	v[3] = e->file_end;
	return 4;
}

/* How much of the file's name and the line table to compare: as much as there
 * is, up to COMPARED bytes, so that no comparison reads past their ends; of an empty name its
 * length.  Whether that could be told. */
static int
choose_compared(const struct codes *c, struct entry *e)
{
	const struct layout *l = c->l;
	int head = l->text == TEXT_BYTES ? l->bytes.length : l->unicode.length;
	struct object_text t;
	raddr length;

	if (object_text_extent(c->mem, l, e->code.filename, &t) != OK ||
	    object_read_pointer(c->mem, l, e->code.linetable + (raddr)l->bytes.length,
	                        &length) != OK)
		return 0;
	length = length < COMPARED ? length : COMPARED;
	e->table_start = length;
	length = t.length * t.kind < COMPARED ? t.length * t.kind : COMPARED;
	e->file_end = (struct mem_vec){ t.addr + t.length * t.kind - length, length };
	if (!length)
		e->file_end = (struct mem_vec){ e->code.filename + (raddr)head, (size_t)l->ptr };
	return 1;
}

static enum why
read_identity(const struct codes *c, struct entry *e)
{
	struct mem_vec v[MAX_PARTS];
	size_t done, n = identity_parts(c->l, e, e->whole, v);

	return mem_readv(c->mem, v, n, e->identity, &done);
}

static int
add_identity(const struct codes *c, const struct entry *e, struct snap *snap)
{
	struct mem_vec v[MAX_PARTS];
	size_t n = identity_parts(c->l, e, 0, v);

	for (size_t i = 0; i < n; i++)
		if (snap_add(snap, v[i].addr, v[i].len))
			return -1;
	return 0;
}

enum identity { UNREAD, SAME, OTHER };

static enum identity
check_identity(const struct codes *c, const struct entry *e, int whole, struct snap *snap)
{
	struct mem_vec v[MAX_PARTS];
	size_t at = 0, n = identity_parts(c->l, e, whole, v);

	for (size_t i = 0; i < n; at += v[i++].len) {
		const void *now = snap_get(snap, v[i].addr, v[i].len);

		if (!now)
			return UNREAD;
		if (memcmp(now, e->identity + at, v[i].len))
			return OTHER;
	}
	return SAME;
}

void
codes_ask(const struct layout *l, struct kernel_chain *ask)
{
	enum { FILE_NAME = 256 }; /* the end of a longer one is not in there */
	int length = l->text == TEXT_BYTES ? l->bytes.length : l->unicode.length;
	unsigned head = (unsigned)(l->bytes.data - l->bytes.length);
	const int at[] = { l->code.name, l->code.linetable, l->code.filename };
	const int from[] = { length, l->bytes.length, 0 };
	const unsigned len[] = { l->text == TEXT_BYTES ? head : 16, head + COMPARED, FILE_NAME };

	ask->aside = (unsigned)l->frame.code;
	ask->aside_from = (unsigned)l->code.id_from;
	ask->aside_len = (unsigned)code_fields_size(l);
	for (size_t i = 0; i < LEN(at) && !tells_freed(l); i++) {
		ask->parts[i].at = (unsigned)at[i];
		ask->parts[i].from = (unsigned)from[i];
		ask->parts[i].len = len[i];
	}
}

/* ---- decoding ---- */

/* All code objects are of one type, known by its name when first met. */
static enum why
check_type(struct codes *c, raddr addr)
{
	char name[8];
	raddr type;
	enum why why = object_read_pointer(c->mem, c->l, addr + (raddr)c->l->object.type, &type);

	if (why != OK || type == c->type)
		return why;
	if (c->type || object_type_name(c->mem, c->l, addr, name, sizeof name) != OK ||
	    strcmp(name, "code"))
		return BROKEN;
	c->type = type;
	return OK;
}

/* Decodes the parts and keeps them. */
static void
keep(struct codes *c, struct entry *e)
{
	c->work += code_decode(c->mem, c->l, c->profile, &e->code);
	c->tables += e->code.table_len;
	all_tables += e->code.table_len;
	insert(c, e);
}

/* Decodes the one at addr, now, and forgets what was known there.  BROKEN: it is not a
 * code object. */
static enum why
learn(struct codes *c, raddr addr)
{
	size_t size = code_fields_size(c->l);
	unsigned char fields[CODE_MAX_FIELDS];
	struct entry *e;
	int64_t now = HAS_KERNEL ? now_ns() : 0;
	enum why why = check_type(c, addr);

	if (why == OK)
		why = mem_read(c->mem, addr + (raddr)c->l->code.id_from, fields, size);
	if (why != OK)
		return why;
	if (codes_exhausted(c))
		return DEEP;
	if (c->n >= MAX_CODES || (all_tables > MAX_TABLES && c->tables > FEW_TABLES))
		forget_all(c);
	e = xcalloc(1, sizeof *e);
	e->number = ++c->last_number;
	e->learned = now;
	code_parse(c->l, addr, fields, &e->code);
	/* The identity is read before the parts it stands for: if it is still
	 * the same when a sample is captured, they were its parts. */
	e->whole = !c->l->code.id_unique ||
	           (HAS_KERNEL && kernel_is_open() && !tells_freed(c->l));
	e->whole = e->whole && choose_compared(c, e);
	why = read_identity(c, e);
	if (why == OK && memcmp(e->identity, fields, size))
		why = TORN;
	if (why == OK)
		keep(c, e);
	else
		entry_free(e);
	return why;
}

/* ---- what to read ---- */

/* Adds the address of the interpreter's count of code objects freed, unless the
 * snapshot has that already. */
static int
plan_count(const struct codes *c, raddr interp, struct snap *snap)
{
	raddr addr = interp + (raddr)c->l->interp.generation;

	return !interp || snap_has(snap, addr, 8) ? 0 : snap_add(snap, addr, 8);
}

/* Puts it on the list at hand; 0: it is there already. */
static int
mark(struct entry *e, uint32_t serial)
{
	int fresh = e->serial != serial;

	e->serial = serial;
	return fresh;
}

int
codes_plan(struct codes *c, const struct code_list *list, raddr interp, struct snap *snap)
{
	if (tells_freed(c->l))
		return plan_count(c, interp, snap);
	for (size_t i = 0; i < list->n; i++) {
		const struct entry *e = find(c, list->addrs[i]);

		if (e && add_identity(c, e, snap))
			return -1;
	}
	return 0;
}

struct snap *
codes_begin_shared(struct codes *c)
{
	snap_begin(c->shared);
	c->serial++;
	return c->shared;
}

int
codes_plan_shared(struct codes *c, const struct code_list *list, raddr interp)
{
	if (tells_freed(c->l))
		return plan_count(c, interp, c->shared);
	for (size_t i = 0; i < list->n; i++) {
		struct entry *e = find(c, list->addrs[i]);

		if (e && mark(e, c->serial) && add_identity(c, e, c->shared))
			return -1;
	}
	return 0;
}

/* ---- whether what is known is true ---- */

void
codes_begin(struct codes *c)
{
	c->work = 0;
	c->list.n = 0;
	c->serial++;
}

void
codes_add(struct codes *c, raddr addr)
{
	struct code_list *list = &c->list;
	struct entry *e = find(c, addr);

	if (e && !mark(e, c->serial))
		return;
	list->addrs = grow(list->addrs, list->n, &list->cap, sizeof *list->addrs);
	list->addrs[list->n++] = addr;
}

/* The interpreter's count of code objects freed, as read with the sample, plus
 * one; 0: not known. */
static uint64_t
freed_count(const struct codes *c, raddr interp, struct snap *snap, int shared)
{
	const void *p;
	uint64_t count;

	if (!tells_freed(c->l))
		return 0;
	p = snap_get(snap, interp + (raddr)c->l->interp.generation, sizeof count);
	if (!p && shared)
		p = snap_get(c->shared, interp + (raddr)c->l->interp.generation, sizeof count);
	if (!p)
		return 0;
	memcpy(&count, p, sizeof count);
	return count + 1;
}

/* Whether what is known of the code object at addr is true of it, by the bytes in that
 * snapshot, or the other.  now is the count read with the sample. */
static enum identity
believe(struct codes *c, raddr addr, struct snap *snap, struct snap *other, uint64_t now)
{
	struct entry *e = find(c, addr);
	enum identity is;

	if (!e)
		return OTHER;
	if (now && e->checked_at == now)
		return SAME;
	is = check_identity(c, e, 0, snap);
	if (is == UNREAD && other)
		is = check_identity(c, e, 0, other);
	if (is == SAME)
		e->checked_at = now;
	return is;
}

/* Whether the one just decoded is the one that the snapshot, which is of one moment, shows; so
 * that it was itself from then until now. */
static int
was_there(struct codes *c, raddr addr, struct snap *snap, raddr interp, uint64_t then)
{
	struct entry *e = find(c, addr), now = *e;
	uint64_t count;

	if (then) {
		if (mem_read(c->mem, interp + (raddr)c->l->interp.generation, &count,
		             sizeof count) != OK || count + 1 != then)
			return 0;
		e->checked_at = then;
		return 1;
	}
	return e->whole && check_identity(c, e, 1, snap) == SAME && read_identity(c, &now) == OK &&
	       !memcmp(now.identity, e->identity, sizeof now.identity);
}

/* What code objects are checked by. */
struct evidence {
	struct snap *snap, *other;
	raddr interp;
	uint64_t now; /* the count read with the sample */
	int copied;
	int64_t time; /* when that was, now_ns() */
	int learned;  /* one had to be, which proves nothing */
};

/* Whether it was decoded only after the sample was taken, and may have been another then. */
static int
is_too_new(struct codes *c, raddr addr, const struct evidence *by)
{
	return HAS_KERNEL && by->copied && find(c, addr)->learned >= by->time &&
	       !was_there(c, addr, by->snap, by->interp, by->now);
}

static enum why
learn_again(struct codes *c, raddr addr, struct evidence *by)
{
	int is_first = !find(c, addr);
	enum why why = learn(c, addr);

	if (HAS_KERNEL) /* of one that comes to lie where another was, that may go on */
		kernel_know(addr, why == OK && is_first);
	if (why == OK && !(HAS_KERNEL && by->copied &&
	                   was_there(c, addr, by->snap, by->interp, by->now)))
		by->learned = 1;
	return why;
}

/* Checks the first n of the list by reading their identities now. */
static enum why
check_after(struct codes *c, size_t n, struct evidence *by)
{
	raddr bad, *addrs = c->list.addrs;
	enum why why = OK;

	snap_begin(c->after);
	for (size_t i = 0; i < n; i++) {
		const struct entry *e = find(c, addrs[i]);

		if (e && add_identity(c, e, c->after))
			break;
	}
	snap_read(c->after, &bad); /* what is not there after that is decoded anew */
	for (size_t i = 0; i < n && why == OK; i++) {
		if (believe(c, addrs[i], c->after, NULL, by->now) != SAME)
			why = learn_again(c, addrs[i], by);
	}
	return why;
}

/*
 * An identity that is read after the sample will do: if it is the same before
 * and after, it was the same in between.  An object that had to be decoded
 * anew proves nothing unless the thread stands still.
 */
static enum why
check_list(struct codes *c, struct evidence *by)
{
	struct code_list *list = &c->list;
	size_t unread = 0;
	enum why why = OK;

	for (size_t i = 0; i < list->n && why == OK; i++) {
		raddr addr = list->addrs[i];
		enum identity is = believe(c, addr, by->snap, by->other, by->now);

		if (is != OTHER && is_too_new(c, addr, by)) {
			by->learned = 1;
		} else if (is == UNREAD) { /* to the front, for the second look */
			list->addrs[i] = list->addrs[unread];
			list->addrs[unread++] = addr;
		} else if (is == OTHER) {
			why = learn_again(c, addr, by);
		}
	}
	if (unread && why == OK)
		why = check_after(c, unread, by);
	return why == OK && by->learned ? AGAIN : why;
}

enum why
codes_check(struct codes *c, raddr interp, struct snap *snap, int how, int64_t time,
            struct code_list *list)
{
	struct evidence by = {
		.snap = snap, .other = how == CODES_SHARED ? c->shared : NULL, .interp = interp,
		.now = freed_count(c, interp, snap, how == CODES_SHARED),
		.copied = HAS_KERNEL && how == CODES_COPIED,
		.time = time,
	};
	enum why why = check_list(c, &by);

	list->n = 0;
	for (size_t i = 0; i < c->list.n && !tells_freed(c->l); i++) {
		list->addrs = grow(list->addrs, list->n, &list->cap, sizeof *list->addrs);
		list->addrs[list->n++] = c->list.addrs[i];
	}
	return why;
}

enum why
codes_settle(struct codes *c, int tries)
{
	enum why why = AGAIN;

	for (int i = 0; i < tries && why == AGAIN; i++) {
		struct evidence by = { .snap = c->after };

		snap_begin(c->after);
		why = check_list(c, &by);
	}
	return why == AGAIN ? TORN : why;
}
