/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where registers come from: of a thread that waits in the kernel, /proc tells the stack pointer
 * and where it will go on, which is enough, most often: what calls the kernel counts from there.
 * Of one that is stopped, or that the kernel has copied while it ran, all of them.  What is
 * unwound is a copy of the stack.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "proc.h"
#include "memory.h"
#include "elf.h"
#include "process.h"
#include "kernel/kernel.h"
#include "native/machine.h"
#include "native/rows.h"
#include "native/places.h"
#include "native/copy.h"
#include "native/code.h"
#include "native/unwind.h"
#include "native/merge.h"
#include "native/native.h"

enum {
	MAX_FRAMES = 1 << 16,
	RED_ZONE = 128, /* bytes that may be used below it: System V ABI AMD64 1.0, section 3.2.2 */
	FIRST_ROOM = 16 << 10, MORE_ROOM = 4 /* times */, MOST_ROOM = 16 << 20, /* bytes of a stack */
};

struct native {
	const struct process *process;
	const struct machine *machine; /* NULL: it is not known */
	struct places *places;
	enum { NOT_TAKEN, WAITS, TAKEN, UNWOUND } state; /* of the last thread */
	struct proc_call call;     /* that it waits in, and what it had used before that */
	struct proc_times times;
	struct regs regs;
	struct copy copy;
	unsigned char *bytes;
	size_t cap;
	int whole;                 /* there is no more of the stack than that */
	struct c_stack stack;
	struct merger *merger;
};

struct native *
native_new(const struct process *process, struct profile *profile, unsigned word, int all)
{
	struct native *n = xcalloc(1, sizeof *n);

	n->process = process;
	n->machine = machine_find(word);
	n->places = places_new(process, profile, n->machine);
	n->merger = merger_new(profile, all);
	return n;
}

void
native_free(struct native *n)
{
	if (!n)
		return;
	places_free(n->places);
	merger_free(n->merger);
	free(n->stack.frames);
	free(n->bytes);
	free(n);
}

/* ---- what is copied ---- */

static int
read_call(struct native *n, struct task *t, struct proc_call *call, struct proc_times *times)
{
	return task_call(n->process, t, call) || task_times(n->process, t, times) ? -1 : 0;
}

int64_t
native_begin(struct native *n, struct task *t)
{
	n->state = NOT_TAKEN;
	n->copy.len = n->stack.n = 0;
	n->call.number = 0;
	if (!n->machine || read_call(n, t, &n->call, &n->times))
		return 0;
	n->state = WAITS;
	return n->times.ran + n->times.waited;
}

int
native_runs(const struct native *n)
{
	return n->call.number == PROC_RUNS;
}

int
native_lacks(const struct native *n)
{
	return n->state == WAITS && n->call.number < 0;
}

/* Of a program with shorter pointers the kernel has other registers than it shows its tracers. */
uint32_t
native_room(const struct native *n, uint32_t *room)
{
	if (!*room)
		*room = FIRST_ROOM;
	return n->machine && n->machine->word == 8 ? *room : 0;
}

/* Copies the stack from its pointer on, and what may be below; where it ends, the copy does as
 * well. */
static int
copy_stack(struct native *n, uint64_t sp, uint32_t *room)
{
	struct mem_vec part = { sp - RED_ZONE, 0 };
	size_t done = 0;

	native_room(n, room);
	if (n->cap < *room) {
		n->bytes = xrealloc(n->bytes, *room, 1);
		n->cap = *room;
	}
	part.len = *room;
	mem_readv(process_mem(n->process), &part, 1, n->bytes, &done);
	if (!done) { /* that is another page, which was never used */
		part.addr = sp;
		mem_readv(process_mem(n->process), &part, 1, n->bytes, &done);
	}
	n->copy = (struct copy){ part.addr, n->bytes, done };
	n->whole = done < *room;
	return done ? 0 : -1;
}

void
native_take(struct native *n, struct task *t, uint32_t *room)
{
	unsigned char set[MACHINE_SET];
	size_t size;

	n->state = NOT_TAKEN;
	if (!n->machine)
		return;
	size = task_registers(n->process, t, set, sizeof set);
	if (size && !machine_registers(n->machine, set, size, &n->regs) &&
	    !copy_stack(n, n->regs.r[n->machine->sp], room))
		n->state = TAKEN;
}

static int
is_same_call(const struct proc_call *a, const struct proc_call *b)
{
	return a->number == b->number && !memcmp(a->args, b->args, sizeof a->args) &&
	       a->sp == b->sp && a->pc == b->pc;
}

/* Copies the stack of one that waits, and looks whether it has waited all the time. */
static enum why
take_waiting(struct native *n, struct task *t, uint32_t *room)
{
	struct proc_call call;
	struct proc_times times;

	if (copy_stack(n, n->call.sp, room) || read_call(n, t, &call, &times) ||
	    !is_same_call(&call, &n->call) || times.ran != n->times.ran ||
	    times.waited != n->times.waited)
		return TORN;
	machine_only(n->machine, call.sp, call.pc, &n->regs);
	return OK;
}

int
native_word(const struct native *n, uint64_t addr, uint64_t *value)
{
	return n->machine ? copy_word(&n->copy, addr, n->machine->word, value) : -1;
}

/* ---- unwinding ---- */

static struct c_frame *
add_frame(struct c_stack *s, const struct place *p, uint64_t sp)
{
	s->frames = grow(s->frames, s->n, &s->cap, sizeof *s->frames);
	s->frames[s->n] = (struct c_frame){ .sp = sp, .module = p->module, .frame = p->frame,
	                                    .flags = p->flags, .entry = -1 };
	return &s->frames[s->n++];
}

/* exact: the address is one that is executed next, else it follows a call. */
static enum step
step_up(struct native *n, struct regs *regs, int *exact)
{
	const struct place *p = places_find(n->places, regs->pc - !*exact);
	uint64_t sp = regs->r[n->machine->sp];
	struct c_frame *f = add_frame(&n->stack, p, sp);
	enum step step = STEP_LOST;

	if (p->flags & PLACE_ROW)
		step = unwind_row(n->machine, process_mem(n->process), &p->row,
		                  places_rules(n->places), &n->copy, regs);
	else if (!*exact)
		step = code_unwind(n->machine, process_mem(n->process), places_is_code, n->places, &n->copy,
		                   regs);
	*exact = p->flags & PLACE_ROW && p->row.signal;
	f->end = step == STEP_DONE ? regs->r[n->machine->sp] :
	         step == STEP_OUTERMOST ? n->copy.at + n->copy.len : sp;
	return step;
}

static enum step
unwind(struct native *n)
{
	struct regs regs = n->regs;
	enum step step = STEP_DONE;
	int exact = 1;

	n->stack.n = 0;
	while (step == STEP_DONE && n->stack.n < MAX_FRAMES)
		step = step_up(n, &regs, &exact);
	n->stack.whole = step == STEP_OUTERMOST;
	return step;
}

/* AGAIN: there is more of it than was copied. */
static enum why
unwind_all(struct native *n, uint32_t *room)
{
	if (unwind(n) != STEP_BEYOND || n->whole || *room >= MOST_ROOM)
		return OK;
	*room *= MORE_ROOM;
	return AGAIN;
}

enum why
native_end(struct native *n, struct task *t, uint32_t *room)
{
	enum why why = OK;

	places_look(n->places);
	if (n->state == WAITS)
		why = take_waiting(n, t, room);
	if (n->state == NOT_TAKEN)
		why = TORN;
	if (why != OK || n->state == UNWOUND)
		return why;
	return unwind_all(n, room);
}

int
native_adopt(struct native *n, uint32_t *room)
{
	struct kernel_c c;

	if (kernel_c_stack(&c) ||
	    machine_registers(n->machine, c.registers, c.size, &n->regs))
		return -1;
	places_look(n->places);
	n->copy = (struct copy){ c.at, c.bytes, c.len };
	n->whole = 0;
	if (unwind_all(n, room) != OK)
		return -1;
	n->state = UNWOUND;
	return 0;
}

const uint32_t *
native_merge(struct native *n, const uint32_t *python, size_t n_python,
             const struct native_entry *entries, size_t n_entries, int objects, size_t *count)
{
	struct merge m = { .stack = &n->stack, .copy = &n->copy,
	                   .word = n->machine ? n->machine->word : 8, .python = python,
	                   .n_python = n_python, .entries = entries, .n_entries = n_entries };

	return merge_frames(n->merger, &m, objects, count);
}
