/* SPDX-License-Identifier: Apache-2.0 */
/* A process that is not there; see simulated.h. */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "util.h"
#include "proc.h"
#include "memory.h"
#include "process.h"
#include "layouts.h"
#include "simulated.h"

#include "offsets.h"

struct sim sim;

static raddr *slots;
static size_t n_slots, cap_slots;

/* ---- its memory ---- */

void
sim_begin(size_t size)
{
	sim = (struct sim){ .size = size, .tasks = 4 };
	sim.bytes = calloc(size, 1);
	sim.l = calloc(1, sizeof *sim.l);
	if (!sim.bytes || !sim.l)
		abort();
	n_slots = 0;
}

void
sim_end(void)
{
	free(sim.bytes);
	free(sim.l);
	free(slots);
	slots = NULL;
	n_slots = cap_slots = 0;
}

static int
is_there(raddr addr, size_t len)
{
	return addr >= SIM_ORIGIN && addr - SIM_ORIGIN <= sim.size &&
	       len <= sim.size - (addr - SIM_ORIGIN);
}

raddr
sim_room(size_t len)
{
	size_t at = (sim.used + 15) & ~(size_t)15;

	if (at > sim.size || len > sim.size - at)
		return 0;
	sim.used = at + len;
	return SIM_ORIGIN + at;
}

void
sim_put(raddr addr, const void *bytes, size_t len)
{
	if (is_there(addr, len))
		memcpy(sim.bytes + (addr - SIM_ORIGIN), bytes, len);
}

void
sim_byte(raddr addr, unsigned value)
{
	sim_put(addr, &(unsigned char){ (unsigned char)value }, 1);
}

void
sim_int(raddr addr, uint32_t value)
{
	sim_put(addr, &value, sizeof value);
}

void
sim_wide(raddr addr, uint64_t value)
{
	sim_put(addr, &value, sizeof value);
}

static void
word(raddr addr, uint64_t value)
{
	if (sim.ptr == 8)
		sim_wide(addr, value);
	else
		sim_int(addr, (uint32_t)value);
}

void
sim_pointer(raddr addr, raddr value)
{
	word(addr, value);
	if (n_slots == cap_slots) {
		cap_slots = cap_slots ? cap_slots * 2 : 256;
		slots = realloc(slots, cap_slots * sizeof *slots);
		if (!slots)
			abort();
	}
	slots[n_slots++] = addr;
}

raddr
sim_pointer_at(raddr addr)
{
	raddr value = 0;

	if (is_there(addr, (size_t)sim.ptr))
		memcpy(&value, sim.bytes + (addr - SIM_ORIGIN), (size_t)sim.ptr);
	return value;
}

raddr
sim_member(raddr object, unsigned n)
{
	return object + (raddr)sim.l->object.head + n * (raddr)sim.ptr;
}

raddr
sim_slot(size_t i, size_t *n)
{
	*n = n_slots;
	return n_slots ? slots[i % n_slots] : SIM_ORIGIN;
}

/* ---- where its bytes come from ---- */

/* Where the next bytes go. */
struct places {
	const struct iovec *v;
	size_t n, used; /* bytes of the first */
};

static void
deliver(struct places *to, raddr addr, size_t len)
{
	while (len) {
		size_t some;

		for (; to->n && to->used == to->v->iov_len; to->v++, to->n--)
			to->used = 0;
		if (!to->n)
			abort(); /* more than fits */
		some = to->v->iov_len - to->used < len ? to->v->iov_len - to->used : len;
		memcpy((char *)to->v->iov_base + to->used, sim.bytes + (addr - SIM_ORIGIN), some);
		to->used += some;
		addr += some;
		len -= some;
	}
}

/* As the kernel does it: what is there is copied up to where it ends. */
static enum why
read_bytes(void *context, const struct mem_vec *v, size_t n, const struct iovec *places,
           size_t n_places, size_t *done, uint64_t *calls)
{
	struct places to = { places, n_places, 0 };
	size_t missing = 0;

	(void)context;
	if (n > MEM_MAX_VECS || n_places > MEM_MAX_VECS)
		abort();
	++*calls;
	sim.calls++;
	if (sim.changed)
		sim.changed();
	for (; n && !missing; n--, v++) {
		size_t there = is_there(v->addr, 0) ? sim.size - (v->addr - SIM_ORIGIN) : 0;
		size_t len = v->len < there ? v->len : there;

		deliver(&to, v->addr, len);
		*done += len;
		missing = v->len - len;
	}
	sim.read += *done;
	return missing ? FAULT : OK;
}

static void
close_bytes(void *context)
{
	(void)context;
}

/* ---- what is known of it ---- */

static unsigned
chance(void)
{
	sim.seed = sim.seed * 1103515245 + 12345;
	return sim.seed >> 16 & 0xff;
}

static enum why
maps(const struct process *p, struct proc_maps *out)
{
	raddr end = SIM_ORIGIN + sim.size, heap = sim.heap ? SIM_ORIGIN + sim.heap : end;

	(void)p;
	*out = (struct proc_maps){ xcalloc(2, sizeof *out->maps), heap < end ? 2 : 1, NULL };
	out->maps[0] = (struct proc_map){ SIM_ORIGIN, heap, 0, 1, 1, 1, 1, "/python" };
	out->maps[1] = (struct proc_map){ heap, end, 0, 0, 1, 1, 0, "" };
	return OK;
}

static int
exe(const struct process *p, char *buf, size_t size)
{
	(void)p;
	text_format(buf, size, "/python");
	return 0;
}

static int
stat(const struct process *p, struct proc_stat *out)
{
	(void)p;
	*out = (struct proc_stat){ 'R', 0, 1, SIM_PID, 1 };
	return 0;
}

static int
lender(const struct process *p)
{
	(void)p;
	return 0;
}

static int64_t
cpu_time(const struct process *p)
{
	(void)p;
	return (int64_t)sim.calls * 150000;
}

static void
name(const struct process *p, struct buf *out)
{
	(void)p;
	buf_str(out, "python\x1b x");
}

static size_t
tasks(const struct process *p, struct proc_task **out)
{
	(void)p;
	sim.lists++;
	*out = xcalloc(sim.tasks, sizeof **out);
	for (int i = 0; i < (int)sim.tasks; i++)
		(*out)[i] = (struct proc_task){ SIM_PID + i, SIM_PID + i };
	return sim.tasks;
}

static int
task_name(const struct process *p, int tid, char *buf, size_t size)
{
	(void)p;
	text_format(buf, size, "t\n%d", tid);
	return tid == SIM_PID ? -1 : 0;
}

static char
state(const struct process *p, struct task *t)
{
	(void)p;
	(void)t;
	return "RRRRSSDtTZ"[chance() % 10];
}

static int
times(const struct process *p, struct task *t, struct proc_times *out)
{
	(void)p;
	(void)t;
	*out = (struct proc_times){ (int64_t)sim.calls * 100000, chance() };
	return chance() < 32 ? -1 : 0;
}

static int
call(const struct process *p, struct task *t, struct proc_call *out)
{
	(void)p;
	(void)t;
	*out = (struct proc_call){ SYS_futex, { sim.runtime + chance() * 16 },
	                           SIM_ORIGIN + chance() * 64, SIM_ORIGIN + chance() * 16 };
	return chance() < 32 ? -1 : 0;
}

static int
cpu(const struct process *p, struct task *t)
{
	(void)p;
	(void)t;
	return -1; /* it has none that we could be on */
}

static enum why
stop(const struct process *p, struct task *t)
{
	unsigned c = chance();

	(void)p;
	(void)t;
	return c < 240 ? OK : c < 248 ? GONE : DENIED;
}

static void
resume(const struct process *p, struct task *t)
{
	(void)p;
	(void)t;
}

static int
is_stopping(const struct process *p, struct task *t)
{
	(void)p;
	(void)t;
	return 0; /* it stops at once, or is not to be stopped */
}

static size_t
registers(const struct process *p, struct task *t, void *set, size_t size)
{
	(void)p;
	(void)t;
	for (size_t i = 0; i < size; i++)
		((unsigned char *)set)[i] = (unsigned char)chance();
	return chance() < 32 ? 0 : size;
}

static int
open_file(const struct process *p, const char *path, uint64_t inode)
{
	(void)p;
	(void)inode;
	(void)path;
	return -1;
}

static int
explain(const struct process *p, enum why why, struct buf *out)
{
	(void)p;
	buf_str(out, why_word(why));
	return why != GONE;
}

struct process *
sim_process(void)
{
	static const struct mem_source bytes = { read_bytes, close_bytes };
	static const struct process_source source = {
		.maps = maps, .exe = exe, .stat = stat, .lender = lender, .cpu_time = cpu_time,
		.name = name, .tasks = tasks, .task_name = task_name, .state = state, .cpu = cpu,
		.times = times, .call = call, .stop = stop, .resume = resume, .is_stopping = is_stopping,
		.registers = registers, .open = open_file, .explain = explain,
	};

	return process_from(&source, mem_from(&bytes, NULL), SIM_PID);
}

/* ---- which Python it is ---- */

#define HEX(major, minor, micro) ((major) << 24 | (minor) << 16 | (micro) << 8 | 0xf0)

static const unsigned versions[] = {
	HEX(2, 7, 18), HEX(3, 6, 9), HEX(3, 7, 2), HEX(3, 7, 9), HEX(3, 8, 1), HEX(3, 9, 1),
	HEX(3, 10, 1), HEX(3, 11, 1), HEX(3, 12, 1),
};

unsigned
sim_kinds(void)
{
	return LEN(versions) * 3 + LEN(offsets);
}

/* Symbols are found through a hash table of one bucket. */
static void
write_image(const char *const *names, const raddr *values, uint32_t n)
{
	int wide = sim.ptr == 8;
	raddr at = sim_room(1024), headers = at + 64, dynamic = at + 256, symbols = at + 448,
	      strings = at + 640, hash = at + 800, end = SIM_ORIGIN + sim.size;
	uint64_t tags[][2] = { { DT_SYMTAB, symbols }, { DT_STRTAB, strings }, { DT_STRSZ, 160 },
	                       { DT_HASH, hash }, { DT_NULL, 0 } };
	Elf64_Ehdr e64 = { .e_type = ET_EXEC, .e_machine = (uint16_t)sim.machine, .e_phoff = 64,
	                   .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 2 };
	Elf32_Ehdr e32 = { .e_type = ET_EXEC, .e_machine = (uint16_t)sim.machine, .e_phoff = 64,
	                   .e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 2 };
	Elf64_Phdr p64[2] = { { PT_LOAD, PF_W, 0, at, at, sim.size, sim.size, 16 },
	                      { PT_DYNAMIC, 0, 0, dynamic, dynamic, 192, 192, 8 } };
	Elf32_Phdr p32[2] = { { PT_LOAD, 0, (uint32_t)at, 0, 0, (uint32_t)sim.size, PF_W, 16 },
	                      { PT_DYNAMIC, 0, (uint32_t)dynamic, 0, 0, 192, 0, 8 } };
	static const unsigned char ident[] = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 };

	(void)end;
	if (wide) {
		sim_put(at, &e64, sizeof e64);
		sim_put(headers, p64, sizeof p64);
	} else {
		sim_put(at, &e32, sizeof e32);
		sim_put(headers, p32, sizeof p32);
	}
	sim_put(at, ident, sizeof ident);
	if (!wide)
		sim_byte(at + EI_CLASS, ELFCLASS32);
	for (size_t i = 0; i < LEN(tags); i++) {
		word(dynamic + i * 2 * (size_t)sim.ptr, tags[i][0]);
		word(dynamic + (i * 2 + 1) * (size_t)sim.ptr, tags[i][1]);
	}
	sim_int(hash, 1);
	sim_int(hash + 4, n + 1);
	sim_int(hash + 8, 1);
	for (uint32_t i = 0, name = 1; i < n; i++) {
		Elf64_Sym s64 = { .st_name = name, .st_shndx = 1, .st_value = values[i] };
		Elf32_Sym s32 = { .st_name = name, .st_shndx = 1, .st_value = (uint32_t)values[i] };

		if (wide)
			sim_put(symbols + (i + 1) * sizeof s64, &s64, sizeof s64);
		else
			sim_put(symbols + (i + 1) * sizeof s32, &s32, sizeof s32);
		sim_put(strings + name, names[i], strlen(names[i]) + 1);
		name += (uint32_t)strlen(names[i]) + 1;
		sim_int(hash + 12 + (i + 1) * 4, i + 1 < n ? i + 2 : 0);
	}
}

static void
write_offsets(size_t row)
{
	sim_put(sim.runtime, "xdebugpy", 8);
	for (size_t i = 0; i < LEN(offsets[row]); i++)
		sim_wide(sim.runtime + 8 + i * 8, offsets[row][i]);
}

void
sim_python(unsigned kind, int debug)
{
	static const int machines[] = { EM_X86_64, EM_386, EM_ARM };
	const char *names[] = { "_PyRuntime", "Py_Version", "_Py_RefTotal" };
	raddr image = sim_room(1024), values[3];
	size_t row = kind - LEN(versions) * 3;
	int told = kind >= LEN(versions) * 3;

	sim.used = 0; /* the image is written at last */
	(void)image;
	sim_room(1024);
	sim.runtime = sim_room(16384);
	values[0] = sim.runtime;
	values[1] = values[2] = sim_room(16);
	sim.machine = told ? row ? EM_X86_64 : EM_386 : machines[kind % 3];
	sim.ptr = sim.machine == EM_X86_64 ? 8 : 4;
	sim.hex = told ? offsets[row][0] : versions[kind / 3];
	if (told) {
		write_offsets(row);
		layout_from_debug_offsets(sim.l, sim.bytes + (sim.runtime - SIM_ORIGIN), DEBUG_OFFSETS_SIZE,
		                          sim.hex, sim.ptr);
	} else {
		layout_find(sim.hex, sim.ptr, sim.machine, sim.l);
		if (debug)
			layout_shift_objects(sim.l, layout_debug_shift(sim.l));
	}
	word(values[1], sim.hex);
	if (sim.hex >> 16 < 0x0307)
		names[0] = "_PyThreadState_Current";
	size_t used = sim.used;

	sim.used = 0;
	write_image(names, values, debug ? 3 : 2);
	sim.used = used;
	sim.type_type = sim_room(1024);
	sim.code_type = sim_room(1024);
	sim.dict_type = sim_room(1024);
	sim.str_type = sim_room(1024);
	const char *types[] = { "type", "code", "dict", "str" };
	const raddr at[] = { sim.type_type, sim.code_type, sim.dict_type, sim.str_type };

	for (size_t i = 0; i < LEN(types); i++) {
		raddr name = sim_room(16);

		sim_put(name, types[i], strlen(types[i]) + 1);
		sim_pointer(at[i] + (raddr)sim.l->type.name, name);
	}
}

/* ---- objects ---- */

static raddr
object(raddr type, size_t size)
{
	raddr at = sim_room(size);

	sim_pointer(at + (raddr)sim.l->object.type, type);
	return at;
}

raddr
sim_bytes(const void *bytes, size_t len)
{
	raddr at = object(sim.str_type, (size_t)sim.l->bytes.data + len + 1);

	word(at + (raddr)sim.l->bytes.length, len);
	sim_put(at + (raddr)sim.l->bytes.data, bytes, len);
	return at;
}

raddr
sim_str(const char *text, size_t len)
{
	const struct layout *l = sim.l;
	raddr at;
	uint32_t state = 1 | 1 << 3 | 1 << 4; /* kind, compact, ASCII */

	if (l->text == TEXT_BYTES)
		return sim_bytes(text, len);
	at = object(sim.str_type, (size_t)l->unicode.compact + len + 1);
	word(at + (raddr)l->unicode.length, len);
	word(at + (raddr)l->unicode.hash, len ^ 0x1234);
	sim_int(at + (raddr)l->unicode.state, state << l->unicode.kind_at);
	sim_put(at + (raddr)l->unicode.ascii, text, len);
	return at;
}

raddr
sim_integer(uint64_t value)
{
	const struct layout *l = sim.l;
	raddr at = object(sim.str_type, 64);
	unsigned n = 0;

	if (l->integer.count_shift == ABSENT) {
		word(at + (raddr)l->integer.digits, value);
		return at;
	}
	for (; value; value >>= l->integer.bits, n++)
		if (l->integer.bits == 15)
			sim_put(at + (raddr)l->integer.digits + n * 2, &(uint16_t){ value & 0x7fff }, 2);
		else
			sim_int(at + (raddr)l->integer.digits + n * 4, value & 0x3fffffff);
	word(at + (raddr)l->object.head, (uint64_t)n << l->integer.count_shift);
	return at;
}

/* The keys of a dictionary, of 3.6 and later; general: with hashes. */
static raddr
dict_keys(const raddr *keys, const raddr *values, size_t n, int general)
{
	const struct layout *l = sim.l;
	size_t p = (size_t)l->ptr, stride = l->dicts == DICT_COMPACT || general ? 3 : 2;
	raddr at = sim_room(5 * p + 16 + 256 + n * 3 * p), entries;

	if (l->dicts == DICT_COMPACT) {
		word(at + p, 8);
		word(at + 4 * p, n);
		entries = at + 5 * p + 8;
	} else {
		sim_byte(at + p, 3);
		sim_byte(at + p + 1, 3);
		sim_byte(at + p + 2, !general);
		word(at + 2 * p + 8, n);
		entries = at + 3 * p + 8 + 8;
	}
	for (size_t i = 0; i < n; i++) {
		raddr key = entries + (i * stride + stride - 2) * p;

		sim_pointer(key, keys[i]);
		sim_pointer(key + p, values[i]);
	}
	return at;
}

raddr
sim_dict(const raddr *keys, const raddr *values, size_t n)
{
	const struct layout *l = sim.l;
	raddr at = object(sim.dict_type, (size_t)l->dict.values + 64), table;
	size_t p = (size_t)l->ptr;

	if (l->dicts != DICT_TABLE) {
		sim_pointer(at + (raddr)l->dict.keys, dict_keys(keys, values, n, n % 2));
		return at;
	}
	table = sim_room(n * 3 * p);
	word(at + (raddr)l->dict.keys, n - 1);
	sim_pointer(at + (raddr)l->dict.values, table);
	for (size_t i = 0; i < n; i++) {
		sim_pointer(table + (i * 3 + 1) * p, keys[i]);
		sim_pointer(table + (i * 3 + 2) * p, values[i]);
	}
	return at;
}

/* With its values in a dictionary, or, by chance, wherever else they can be. */
raddr
sim_object(const raddr *keys, const raddr *values_of, size_t n)
{
	const struct layout *l = sim.l;
	raddr before = sim_room(512), at = before + 64, p = (raddr)l->ptr, values = sim_room(64 + n * 8);
	raddr type = sim_room(1024);
	int split = l->attrs != ATTRS_DICT && chance() & 1;

	sim_pointer(at + (raddr)l->object.type, type);
	word(type + (raddr)l->type.basicsize, 64);
	word(type + (raddr)l->type.dictoffset, 64);
	if (l->attrs == ATTRS_DICT) {
		sim_pointer(at + 64, sim_dict(keys, values_of, n));
		return at;
	}
	word(type + (raddr)l->type.flags, l->type.managed_dict | l->type.inline_values);
	if (!split) {
		sim_pointer(at - (raddr)l->object.dict_before, sim_dict(keys, values_of, n));
		return at;
	}
	sim_pointer(type + (raddr)l->type.cached_keys, dict_keys(keys, values_of, n, 0));
	if (l->attrs == ATTRS_PAIR)
		sim_pointer(at - (raddr)l->object.dict_before - p, values);
	else if (l->attrs == ATTRS_TAGGED)
		sim_pointer(at - (raddr)l->object.dict_before, values - 1);
	else
		values = at + 64;
	for (size_t i = 0; i < n; i++)
		sim_pointer(values + (raddr)l->dict.first_value + i * p, values_of[i]);
	return at;
}

raddr
sim_instance(raddr name, raddr value)
{
	return sim_object(&name, &value, 1);
}

raddr
sim_modules(const raddr *idents, const raddr *names, size_t n)
{
	raddr name = sim_str("_name", 5), keys[8], values[8], object, dict;
	raddr module = sim_room(64);

	for (size_t i = 0; i < n && i < LEN(keys); i++) {
		keys[i] = sim_integer(idents[i]);
		values[i] = sim_instance(name, names[i]);
	}
	object = sim_dict(keys, values, n < LEN(keys) ? n : LEN(keys));
	name = sim_str("_active", 7);
	dict = sim_dict(&name, &object, 1);
	sim_pointer(module + (raddr)sim.l->object.head, dict);
	keys[0] = sim_str("sys", 3);
	values[0] = module;
	keys[1] = sim_str("threading", 9);
	values[1] = module;
	return sim_dict(keys, values, 2);
}

raddr
sim_code(raddr file, raddr function, raddr table, unsigned units)
{
	const struct layout *l = sim.l;
	raddr at = object(sim.code_type, 512 + units * 2), copies;

	sim_int(at + (raddr)l->code.firstlineno, 10);
	sim_pointer(at + (raddr)l->code.filename, file);
	sim_pointer(at + (raddr)l->code.name, function);
	if (l->code.qualname != ABSENT)
		sim_pointer(at + (raddr)l->code.qualname, function);
	sim_pointer(at + (raddr)l->code.linetable, table);
	if (l->code.instructions != ABSENT)
		word(at + (raddr)l->object.head, units);
	if (l->code.nlocals != ABSENT)
		sim_int(at + (raddr)l->code.nlocals, 1);
	if (l->code.tlbc != ABSENT) {
		copies = sim_room(32);
		word(copies, 2);
		sim_pointer(copies + 8, at + (raddr)l->code.instructions);
		sim_pointer(copies + 16, at + (raddr)l->code.instructions);
		sim_pointer(at + (raddr)l->code.tlbc, copies);
	}
	return at;
}

/* ---- structures ---- */

static int
largest(const int *fields, size_t n)
{
	int most = 0;

	for (size_t i = 0; i < n; i++)
		if (fields[i] > most)
			most = fields[i];
	return most;
}

raddr
sim_interpreter(raddr next, raddr modules)
{
	const struct layout *l = sim.l;
	int fields[] = { l->interp.next, l->interp.threads, l->interp.gil, l->interp.generation,
	                 l->interp.modules };
	raddr at = sim_room((size_t)largest(fields, LEN(fields)) + 16), gil = sim_room(64);

	sim_pointer(at + (raddr)l->interp.next, next);
	sim_pointer(at + (raddr)l->interp.modules, modules);
	if (l->interp.gil != ABSENT)
		sim_pointer(at + (raddr)l->interp.gil, gil);
	if (l->gil.enabled != ABSENT)
		sim_int(gil + (raddr)l->gil.enabled, chance() & 1);
	/* where the C library's structures are as large as those of 64-bit glibc */
	if (l->runtime.interpreters != ABSENT) {
		sim_pointer(sim.runtime + (raddr)l->runtime.interpreters, at);
		sim_pointer(sim.runtime + (raddr)l->runtime.interpreters + (raddr)l->ptr, at);
	} else {
		sim_pointer(sim.runtime + 64, at);
	}
	if (l->runtime.current != ABSENT) {
		sim.holder = sim.runtime + (raddr)l->runtime.current;
		sim_pointer(sim.holder + (raddr)l->runtime.main_after, at);
	} else {
		sim.holder = sim.hex >> 16 < 0x0307 ? sim.runtime : gil + (raddr)l->gil.holder;
	}
	if (l->gil.locked != ABSENT)
		sim_int(gil + (raddr)l->gil.locked, 1);
	return at;
}

void
sim_frame(raddr at, raddr back, raddr code, unsigned instr, int top)
{
	const struct layout *l = sim.l;

	sim_pointer(at + (raddr)l->frame.back, back);
	sim_pointer(at + (raddr)l->frame.code, code | (l->tags & 1));
	if (l->instr == INSTR_PTR)
		sim_pointer(at + (raddr)l->frame.instr, code + (raddr)l->code.instructions + instr * 2);
	else
		sim_int(at + (raddr)l->frame.instr, instr);
	if (l->live == LIVE_REFCOUNT)
		word(at + (raddr)l->frame.live, 1);
	else if (l->live == LIVE_STACKTOP)
		sim_int(at + (raddr)l->frame.live, top ? UINT32_MAX : 5);
	else
		sim_pointer(at + (raddr)l->frame.live, top ? 0 : at + (raddr)l->frame.locals + 8);
}

/* Returns the newest frame. */
static raddr
stack_of(raddr tstate, const raddr *codes, size_t n)
{
	const struct layout *l = sim.l;
	size_t size = (size_t)l->frame.size + 32;
	raddr back = 0, chunk = sim_room(size * (n + 1));

	if (l->frame.owner != ABSENT && l->shim_owner != NO_SHIMS) {
		back = sim_room(size);
		sim_byte(back + (raddr)l->frame.owner, (unsigned)l->shim_owner);
		if (l->thread.base != ABSENT)
			sim_pointer(tstate + (raddr)l->thread.base, back);
	}
	for (size_t i = 0; i < n; i++) {
		raddr at = chunk + i * size;

		sim_frame(at, back, codes[i], 1 + (unsigned)i % 8, i == n - 1);
		if (!i && l->frame.entry != ABSENT)
			sim_byte(at + (raddr)l->frame.entry, 1);
		back = at;
	}
	return back;
}

raddr
sim_thread(raddr interp, unsigned tid, const raddr *codes, size_t n)
{
	enum { TID_IN_PTHREAD = 720 };
	const struct layout *l = sim.l;
	int fields[] = { l->thread.next, l->thread.interp, l->thread.frame, l->thread.thread_id,
	                 l->thread.native_id, l->thread.state, l->thread.base, l->thread.root };
	raddr at = sim_room((size_t)largest(fields, LEN(fields)) + 32), frame, cframe;
	raddr list = interp + (raddr)l->interp.threads, pthread = sim_room(1024);

	sim_pointer(at + (raddr)l->thread.next, sim_pointer_at(list));
	sim_pointer(list, at);
	sim_pointer(at + (raddr)l->thread.interp, interp);
	sim_pointer(at + (raddr)l->thread.thread_id, pthread);
	sim_int(pthread + TID_IN_PTHREAD, tid);
	if (l->thread.native_id != ABSENT)
		word(at + (raddr)l->thread.native_id, tid);
	if (l->thread.state != ABSENT)
		sim_int(at + (raddr)l->thread.state, 1);
	frame = stack_of(at, codes, n);
	if (l->frames == FRAMES_CFRAME) {
		cframe = sim_room(64);
		sim_pointer(cframe + (raddr)l->cframe.frame, frame);
		sim_pointer(cframe + (raddr)l->cframe.previous, at + (raddr)l->thread.root);
		frame = cframe;
	}
	sim_pointer(at + (raddr)l->thread.frame, frame);
	sim_pointer(sim.holder, at);
	return at;
}
