/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has the kernel copy chains of structures of another thread here, which runs all the time:
 * one that is right has to come as it is, and of those that are random nothing must come of
 * it but copies.  Exit status: 77 the kernel permits no copies.
 */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util.h"
#include "kernel/program.h"
#include "kernel/kernel.h"
#include "tap.h"

enum { NODES = 400, ROUNDS = 2000, SHORT = 20 };

struct node {
	struct node *next;
	void *aside;
	char bytes[84];
};

static union {
	struct { struct node *first; char rest[40]; struct node nodes[NODES]; char aside[512]; } in;
	unsigned char bytes[1];
} arena;
static unsigned char *copy_of_arena;
static const char mark[] = "this is on the stack";
static const char *on_stack;
static volatile int tid;

static void *
spin(void *unused)
{
	char kept[sizeof mark];

	(void)unused;
	on_stack = memcpy(kept, mark, sizeof mark);
	tid = (int)syscall(SYS_gettid);
	for (volatile unsigned i = 0;; i++)
		;
	return NULL;
}

static void
fill(void)
{
	for (size_t i = 0; i < sizeof arena; i++)
		arena.bytes[i] = (unsigned char)rand();
	arena.in.first = &arena.in.nodes[SHORT - 1];
	for (int i = 0; i < NODES; i++) {
		arena.in.nodes[i].next = i ? &arena.in.nodes[i - 1] : NULL;
		arena.in.nodes[i].aside = arena.in.aside;
	}
	*(char **)arena.in.aside = arena.in.aside + 100;
	copy_of_arena = malloc(sizeof arena);
	memcpy(copy_of_arena, &arena, sizeof arena);
}

static struct kernel_chain
right_chain(void)
{
	return (struct kernel_chain){
		.head = (uintptr_t)&arena, .head_len = 8, .link = 0, .len = 40,
		.next = offsetof(struct node, next), .aside = offsetof(struct node, aside),
		.aside_from = 8, .aside_len = 16, .parts = { { 0, 4, 32 } }, .adjoin = 1,
		.ptr = sizeof(void *), .extra = { { (uintptr_t)arena.in.aside, 24 } },
	};
}

/* Whether those of a copy's bytes that are of the arena are right. */
static int
is_true(raddr addr, const void *bytes, size_t len)
{
	raddr offset = addr - (uintptr_t)&arena;

	return offset >= sizeof arena || len > sizeof arena - offset ||
	       !memcmp(bytes, copy_of_arena + offset, len);
}

/* Takes a copy; how many regions it has, -1: there is none, or they are wrong. */
static int
take(const struct kernel_chain *c, size_t *most)
{
	struct kernel_copy copy;
	int n = 0;
	const void *bytes;
	raddr addr;
	size_t len;

	if (kernel_take(tid, c, 0, &copy) == KERNEL_NONE)
		return -1;
	*most = copy.left;
	while ((bytes = kernel_region(&copy, &addr, &len))) {
		if (!is_true(addr, bytes, len))
			return -1;
		n++;
	}
	return n;
}

static int
take_patiently(const struct kernel_chain *c, size_t *most)
{
	int n = -1;

	for (int i = 0; i < 5000 && n < 0; i++) {
		n = take(c, most);
		usleep(1000);
	}
	return n;
}

static void
test_right(void)
{
	struct kernel_chain c = right_chain();
	size_t len;
	int n;

	/* the extra, the head, the nodes, and what the first of them have aside */
	n = take_patiently(&c, &len);
	check(n == 2 + SHORT + 2 * (MOST_ASIDE + 1), "a chain is whole: %d regions", n);
	kernel_know((uintptr_t)arena.in.aside, 1);
	kernel_leave(tid);
	check(take_patiently(&c, &len) == 2 + SHORT, "what is known is left out");
	kernel_know((uintptr_t)arena.in.aside, 0);
	arena.in.first = &arena.in.nodes[NODES - 1];
	memcpy(copy_of_arena, &arena, sizeof arena);
	kernel_leave(tid);
	check(take_patiently(&c, &len) > 100 && len <= MOST_RECORD, "of a long one the beginning");
	arena.in.nodes[0].next = &arena.in.nodes[NODES - 1];
	memcpy(copy_of_arena, &arena, sizeof arena);
	kernel_leave(tid);
	check(take_patiently(&c, &len) > 100 && len <= MOST_RECORD, "an endless one has an end");
}

/* Where the kernel can do that, registers and stack come with it. */
static void
test_c_stack(void)
{
	struct kernel_chain c = right_chain();
	struct kernel_c stack;
	size_t len, at;

	c.stack = 1;
	kernel_leave(tid);
	check(take_patiently(&c, &len) > 0, "a chain is copied with the C stack");
	if (!C_STACKS || kernel_c_stack(&stack))
		return;
	at = (uintptr_t)on_stack - stack.at;
	check(stack.len >= CHUNK && stack.len <= 2 * CHUNK, "as much of it as was asked for, about");
	check(at < stack.len && !memcmp(stack.bytes + at, mark, sizeof mark), "what is there is in it");
	c.stack = 1 << 20;
	take_patiently(&c, &len);
	take_patiently(&c, &len);
	check(!kernel_c_stack(&stack) && stack.at % 8 == 0, "a long one ends with the mapping, or where there is no room");
	c.stack = 0;
	kernel_leave(tid);
	check(take_patiently(&c, &len) > 0 && kernel_c_stack(&stack), "who does not ask for it gets none");
}

static unsigned
any_number(void)
{
	unsigned wild = (unsigned)rand() << 16 ^ (unsigned)rand();

	return rand() % 4 ? (unsigned)rand() % MOST_REGION : rand() % 2 ? (unsigned)rand() % 16 : wild;
}

static raddr
any_address(void)
{
	raddr wild = (raddr)any_number() << 32 | any_number();

	return rand() % 4 ? (uintptr_t)&arena + (raddr)rand() % sizeof arena : wild;
}

static void
test_random(void)
{
	int n = 0, wrong = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct kernel_chain c = {
			any_address(), any_number(), any_number(), rand() % 2 ? any_number() : 0,
			any_number(), any_number(), any_number(), any_number(), any_number(),
			any_number(), any_number(), { { any_number(), any_number(), any_number() } },
			rand() % 2, rand() % 2 ? 8 : 4, { { any_address(), any_number() } },
			rand() % 2 ? any_number() : 0,
		};
		size_t len = 0;

		n += take(&c, &len) >= 0;
		wrong += len > MOST_RECORD;
	}
	check(n > 0 && !wrong, "%d random chains are copied", n);
	check(!memcmp(&arena, copy_of_arena, sizeof arena), "and nothing else is done");
}

int
main(void)
{
	int pid = getpid();
	pthread_t thread;

	srand(1);
	fill();
	pthread_create(&thread, NULL, spin, NULL);
	while (!tid)
		usleep(1000);
	kernel_prepare(100000, 1);
	kernel_open(&pid, 1);
	if (!kernel_is_open())
		return 77;
	test_right();
	test_c_stack();
	test_random();
	kernel_tick();
	return check_status();
}
