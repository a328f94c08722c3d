/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNEL_PROGRAM_H
#define KERNEL_PROGRAM_H

/*
 * The program that copies a thread's stack where the thread is interrupted, and what it
 * shares with us: a table of what to copy of which thread, and a ring of copies.
 */

enum {
	SLOTS = 256,         /* in the table; a thread's is that of its tid's lowest bits */
	MOST_REGION = 1023,  /* bytes */
	MOST_RECORD = 32768, /* what the kernel has for one CPU at most */
	MOST_HOPS = 256,
	MOST_ASIDE = 16,     /* hops */
	KNOWN = 1 << 13,     /* a power of two */
	PARTS = 3,
	RING_SIZE = 1 << 18, /* bytes, a power of two, and of pages of any size; */
	RING_WITH_C = 1 << 20, /* with C stacks, */
	CHUNK = 1024,          /* these being copied by so many bytes */
};

/* How many registers the kernel's structure for them has, all of 64 bits, and whether that is
 * known, so that C stacks can be copied, too. */
#ifdef __aarch64__
enum { C_STACKS = 1, C_REGS = 34 };
#elif defined __x86_64__ && defined __LP64__
enum { C_STACKS = 1, C_REGS = 21 };
#else
enum { C_STACKS = 0, C_REGS = 21 };
#endif

/* What to copy of one thread.  All numbers are 64 bits wide, as the program has them. */
struct slot {
	uint32_t tid;    /* 0: none */
	uint32_t serial; /* goes into each record */
	uint64_t head, head_len, link;
	uint64_t mid_len, mid_link, mid_previous;
	uint64_t len, next;
	uint64_t adjoin; /* how far apart frames may be for what is between to be copied, too */
	uint64_t mask;   /* the bits of a pointer */
	uint64_t aside, aside_from, aside_len; /* see kernel.h */
	struct { uint64_t at, from, len; } parts[PARTS];
	uint64_t extra[2], extra_len[2];
	uint64_t stack;  /* chunks of the C stack; 0: none */
	uint64_t hops; /* 0, which is nothing that the kernel knows */
};

/* What is shared with the program. */
struct table {
	uint8_t known[KNOWN]; /* see known_place() */
	struct slot slots[SLOTS];
};

/* Where it is noted that an address is known, by what; of others that have the same place the
 * rest of the address tells it. */
static inline uint8_t *
known_place(struct table *t, uint64_t addr, uint8_t *mark)
{
	*mark = (uint8_t)(addr >> 17 | 128);
	return &t->known[addr >> 4 & (KNOWN - 1)];
}

/* Places that are not known yet. */
enum { OUT = 0x7ff0, PUT = 0x7ff1, ASIDE, C_STACK, TABLE, SCRATCH, THE_RING, DEVICE, INODE };

#define AT(member) (int16_t)offsetof(struct slot, member)
#define RECORD(member) (int16_t)offsetof(struct record, member)

/* A record is this, and regions: address, length, so many bytes, zeros up to a word. */
struct record {
	uint64_t time; /* now_ns() */
	uint32_t tid, serial;
	uint64_t len;  /* of the whole */
	uint64_t c_part; /* where in it registers are, the stack's address, and the stack; 0: none */
	uint64_t want, next, aside; /* for the program alone */
};

struct program {
	int fd;                     /* of the program, -1: not loaded */
	struct table *table;        /* written by us, */
	uint64_t *taken;            /* as is how much of the ring has been read; */
	const uint64_t *put;        /* written by the kernel: how much there is, */
	const unsigned char *ring;  /* and what, twice in a row */
	size_t ring_size;
};

/* A part of it, which is called with the record and the slot. */
enum { MOST_PART = 56 };
struct part {
	const struct instruction *at;
	size_t n; /* MOST_PART, at most */
};

/* Has the kernel take it, with that part, if not NULL, to copy C stacks, if it can.  0, or -1 if
 * it does not, and then there is nothing to end. */
int program_load(struct program *, const struct part *with);

#endif
