/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program's calls come from few addresses, thousands at most, so for each of them what the tables
 * say is kept: how to get to the caller, and what the function is called.  Where there are too
 * many, and where a module is gone, all of that is found again.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "memory.h"
#include "elf.h"
#include "process.h"
#include "native/machine.h"
#include "native/demangle.h"
#include "native/symbols.h"
#include "native/modules.h"
#include "native/rows.h"
#include "native/places.h"

enum {
	MAX_PLACES = 1 << 14, FIRST_PLACES = 1 << 8,
	MAX_EXPRESSIONS = 1 << 18,
	LOOK_AGAIN_MS = 20, /* for code that is in no module */
};

struct places {
	const struct process *process;
	struct profile *profile;
	const struct machine *machine;
	struct modules *modules;
	int64_t looked;      /* when, for what was not found */
	struct place *all;   /* by a hash of their addresses */
	size_t n, size;
	struct place unsure; /* what is not to be remembered */
	struct rules rules;
	struct buf expressions;
};

struct places *
places_new(const struct process *process, struct profile *profile, const struct machine *machine)
{
	struct places *ps = xcalloc(1, sizeof *ps);

	*ps = (struct places){ .process = process, .profile = profile, .machine = machine };
	ps->modules = modules_new(process);
	ps->size = FIRST_PLACES;
	ps->all = xcalloc(ps->size, sizeof *ps->all);
	ps->rules.expressions = &ps->expressions;
	return ps;
}

void
places_free(struct places *ps)
{
	modules_free(ps->modules);
	free(ps->all);
	free(ps->rules.rules);
	buf_free(&ps->expressions);
	free(ps);
}

const struct rules *
places_rules(const struct places *ps)
{
	return &ps->rules;
}

static void
forget_all(struct places *ps)
{
	memset(ps->all, 0, ps->size * sizeof *ps->all);
	ps->n = ps->rules.n = ps->expressions.len = 0;
}

static void
look(struct places *ps, int at_once)
{
	if (modules_look(ps->modules, now_ns(), at_once))
		forget_all(ps);
}

void
places_look(struct places *ps)
{
	look(ps, 0);
}

/* The module of an address; where there is none yet, one may have been loaded since. */
static struct module *
find_module(struct places *ps, uint64_t pc)
{
	struct module *m = modules_find(ps->modules, pc);
	int64_t now = m ? 0 : now_ns();

	if (m || now - ps->looked < LOOK_AGAIN_MS * MS)
		return m;
	ps->looked = now;
	look(ps, 1);
	return modules_find(ps->modules, pc);
}

int
places_is_code(void *places, uint64_t pc)
{
	return find_module(places, pc) != NULL;
}

/* ---- names ---- */

/* Whether the name is that one, or what a compiler has made of that: "name.cold". */
static int
is_named(const char *name, const char *that)
{
	size_t len = strlen(that);

	return !strncmp(name, that, len) && (!name[len] || name[len] == '.');
}

/* What the eval loop calls, to call something, and what calls it, by how they begin: CPython
 * v2.7.18, v3.6.0, v3.14.0 Python/ceval.c, Objects/call.c, methodobject.c, genobject.c. */
static int
is_plumbing(const char *name)
{
	static const char starts[] =
		"PyEval_Eval PyEval_Call PyEval_Vector PyObject_Call PyObject_Fast PyObject_MakeTp "
		"PyObject_Vector PyVectorcall PyFunction_ PyCFunction_ PyMethodDef_ PyStack_ PyCall "
		"Py_BuiltinCall Py_VectorCall Py_CallBuiltin PyRun_ TAIL_CALL_ function_c fast_function "
		"call_function call_trampoline do_call ext_do_call cfunction_ method_vectorcall "
		"method_call instancemethod_call instance_call vectorcall_ object_vacall gen_send_ex "
		"run_mod run_eval py_trampoline_ ";

	name += *name == '_';
	for (const char *p = starts; *p; p += strcspn(p, " ") + 1)
		if (!strncmp(name, p, strcspn(p, " ")))
			return 1;
	return 0;
}

static unsigned
flags_of(const char *name)
{
	unsigned flags = PLACE_NAMED;

	if (is_named(name, "_PyEval_EvalFrameDefault"))
		flags |= PLACE_EVAL;
	if (is_named(name, "PyEval_EvalFrameEx"))
		flags |= PLACE_OLD_EVAL;
	return flags | (is_plumbing(name) ? PLACE_PLUMBING : 0);
}

/* NULL: not in time. */
static struct symbols *
read_symbols(const struct places *ps, const struct module *m)
{
	struct symbols *s = symbols_read(ps->process, &m->elf, m->base, m->path, m->inode);

	if (!mem_is_over())
		return s;
	symbols_free(s);
	return NULL;
}

/* "libz.so.1:deflate"; or where the function begins in the file, if that is known, else where the
 * code is: "libz.so.1+0x1230". */
static void
name_place(struct places *ps, struct module *m, uint64_t pc, struct place *p)
{
	struct buf symbol = { 0 }, text = { 0 };

	if (m && m->state == MODULE_OPEN && !m->symbols)
		m->symbols = read_symbols(ps, m);
	buf_str(&text, m && *m->name ? m->name : "[anonymous]");
	if (m && m->symbols && !symbols_name(m->symbols, pc, &symbol)) {
		buf_str(&text, ":");
		buf_terminate(&symbol);
		demangle(symbol.data, symbol.len, &text);
		p->flags |= flags_of(symbol.data);
	} else if (m && m->image) {
		buf_printf(&text, "+0x%" PRIx64, (p->flags & PLACE_ROW ? p->row.start : pc) -
		           (m->state == MODULE_OPEN ? m->elf.bias : m->base));
	}
	p->frame = profile_text(ps->profile, text.data, text.len);
	buf_free(&symbol);
	buf_free(&text);
}

/* ---- by address ---- */

static struct place *
slot_of(const struct places *ps, uint64_t pc)
{
	size_t i = hash_words(pc, 0) & (ps->size - 1);

	while (ps->all[i].pc && ps->all[i].pc != pc)
		i = (i + 1) & (ps->size - 1);
	return &ps->all[i];
}

static void
make_room(struct places *ps)
{
	struct place *old = ps->all;
	size_t n = ps->size;

	if (ps->expressions.len > MAX_EXPRESSIONS || ps->n >= MAX_PLACES)
		forget_all(ps);
	if (ps->n * 2 < ps->size)
		return;
	ps->size *= 2;
	ps->all = xcalloc(ps->size, sizeof *ps->all);
	for (size_t i = 0; i < n; i++)
		if (old[i].pc)
			*slot_of(ps, old[i].pc) = old[i];
	free(old);
}

const struct place *
places_find(struct places *ps, uint64_t pc)
{
	static const struct place nowhere;
	struct place *p = slot_of(ps, pc), new = { .pc = pc };
	struct module *m;

	if (!pc)
		return &nowhere;
	if (p->pc)
		return p;
	m = find_module(ps, pc); /* which may make it forget all */
	make_room(ps);
	if (m && m->state == MODULE_OPEN) {
		new.module = m->base;
		if (!row_read(process_mem(ps->process), ps->machine, m, pc, &ps->rules, &new.row))
			new.flags = PLACE_ROW;
	}
	name_place(ps, m, pc, &new);
	if (mem_is_over()) { /* what could not be read in time may yet be */
		ps->unsure = new;
		return &ps->unsure;
	}
	p = slot_of(ps, pc);
	*p = new;
	ps->n++;
	return p;
}
