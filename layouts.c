/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of CPython's structures by version, and the reader of the table
 * that 3.13 and later carry themselves.  This is the only file that names a
 * version; everything else asks for offsets and kinds.
 *
 * A row's numbers are what offsetof() says for that version's headers
 * ("make check-layouts" compiles a program against them and compares).  The
 * macros below take every column, so a forgotten one does not compile.
 */
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util.h"
#include "layouts.h"

const char layouts_supported[] = "2.7, 3.6 to 3.15";

#define HEX(major, minor, micro) ((major) << 24 | (minor) << 16 | (micro) << 8)

/*
 * A row has one column for each member of struct layout, in its order; ROW makes
 * the first of them.  The release is packed to fit into one column.  Rows are put
 * here by "make layouts", not by hand.
 */
#define ROW(major_, minor_, micro_, ptr_, shim_owner_, frames_, live_, instr_, lines_, text_, \
            dicts_, attrs_) \
	(major_) << 8 | (minor_) << 4 | (micro_), ptr_, 0, frames_, live_, instr_, lines_, \
	text_, dicts_, attrs_, shim_owner_, 0
#define RUNTIME(interpreters_, current_, main_after_) \
	interpreters_, current_, main_after_
#define INTERP(next_, id_, threads_, gil_, modules_) \
	next_, id_, threads_, gil_, ABSENT, modules_
#define GIL(holder_, locked_) \
	holder_, locked_, ABSENT
#define THREAD(next_, interp_, frame_, thread_id_, native_id_, stack_, root_, base_shims_) \
	next_, interp_, frame_, thread_id_, native_id_, ABSENT, ABSENT, stack_, root_, \
	ABSENT, base_shims_
#define CFRAME(frame_, previous_) \
	frame_, previous_
#define FRAME(size_, code_, back_, instr_, owner_, live_, entry_, locals_, generator_owner_) \
	size_, code_, back_, instr_, owner_, ABSENT, live_, entry_, locals_, generator_owner_
#define CODE(firstlineno_, filename_, name_, qualname_, linetable_, \
             instructions_, traceable_, id_from_, id_to_, id_unique_) \
	firstlineno_, filename_, name_, qualname_, linetable_, \
	instructions_, traceable_, ABSENT, ABSENT, id_from_, id_to_, id_unique_
#define OBJECT(type_, head_, dict_before_) \
	type_, head_, dict_before_
#define UNICODE(length_, state_, hash_, ascii_, compact_, kind_at_) \
	length_, state_, hash_, ascii_, compact_, kind_at_
#define BYTES(length_, data_) \
	length_, data_
#define TYPE(name_, flags_, basicsize_, dictoffset_, cached_keys_, managed_dict_) \
	name_, flags_, basicsize_, dictoffset_, cached_keys_, managed_dict_, 0
#define DICT(keys_, values_, first_value_) \
	keys_, values_, first_value_
#define INTEGER(digits_, count_shift_, bits_) \
	digits_, count_shift_, bits_

enum { COLUMNS = sizeof(struct layout) / sizeof(int) };

static const int16_t rows[][COLUMNS] = {
	{ ROW(2, 7, 0, 8, NO_SHIMS, FRAMES_HEAP, LIVE_REFCOUNT, INSTR_BYTES,
	      LINES_LNOTAB_U8, TEXT_BYTES, DICT_TABLE, ATTRS_DICT),
	  RUNTIME(ABSENT, ABSENT, ABSENT), INTERP(0, ABSENT, 8, ABSENT, 16), GIL(ABSENT, ABSENT),
	  THREAD(0, 8, 16, 144, ABSENT, ABSENT, ABSENT, 0), CFRAME(ABSENT, ABSENT),
	  FRAME(128, 32, 24, 120, ABSENT, 0, ABSENT, ABSENT, ABSENT),
	  CODE(96, 80, 88, ABSENT, 104, ABSENT, ABSENT, 32, 112, 0),
	  OBJECT(8, 16, ABSENT), UNICODE(ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT), BYTES(16, 36),
	  TYPE(24, 168, 32, 288, ABSENT, 0), DICT(32, 40, ABSENT),
	  INTEGER(16, ABSENT, ABSENT) },
	{ ROW(3, 6, 0, 8, NO_SHIMS, FRAMES_HEAP, LIVE_REFCOUNT, INSTR_BYTES,
	      LINES_LNOTAB, TEXT_UNICODE, DICT_COMPACT, ATTRS_DICT),
	  RUNTIME(ABSENT, ABSENT, ABSENT), INTERP(0, ABSENT, 8, ABSENT, 16), GIL(ABSENT, ABSENT),
	  THREAD(8, 16, 24, 152, ABSENT, ABSENT, ABSENT, 0), CFRAME(ABSENT, ABSENT),
	  FRAME(128, 32, 24, 120, ABSENT, 0, ABSENT, ABSENT, ABSENT),
	  CODE(36, 96, 104, ABSENT, 112, ABSENT, ABSENT, 36, 120, 0),
	  OBJECT(8, 16, ABSENT), UNICODE(16, 32, 24, 48, 72, 2), BYTES(16, 32),
	  TYPE(24, 168, 32, 288, ABSENT, 0), DICT(32, 40, 0),
	  INTEGER(24, 0, 30) },
	{ ROW(3, 7, 0, 8, NO_SHIMS, FRAMES_HEAP, LIVE_REFCOUNT, INSTR_BYTES,
	      LINES_LNOTAB, TEXT_UNICODE, DICT_COMPACT, ATTRS_DICT),
	  RUNTIME(24, 1392, 16), INTERP(0, 16, 8, ABSENT, 40), GIL(ABSENT, ABSENT),
	  THREAD(8, 16, 24, 176, ABSENT, ABSENT, ABSENT, 0), CFRAME(ABSENT, ABSENT),
	  FRAME(112, 32, 24, 104, ABSENT, 0, ABSENT, ABSENT, ABSENT),
	  CODE(36, 96, 104, ABSENT, 112, ABSENT, ABSENT, 36, 120, 0),
	  OBJECT(8, 16, ABSENT), UNICODE(16, 32, 24, 48, 72, 2), BYTES(16, 32),
	  TYPE(24, 168, 32, 288, ABSENT, 0), DICT(32, 40, 0),
	  INTEGER(24, 0, 30) },
	/* 3.7.4 realigned PyGC_Head, which moved the runtime's later fields. */
	{ ROW(3, 7, 4, 8, NO_SHIMS, FRAMES_HEAP, LIVE_REFCOUNT, INSTR_BYTES,
	      LINES_LNOTAB, TEXT_UNICODE, DICT_COMPACT, ATTRS_DICT),
	  RUNTIME(24, 1480, 16), INTERP(0, 16, 8, ABSENT, 40), GIL(ABSENT, ABSENT),
	  THREAD(8, 16, 24, 176, ABSENT, ABSENT, ABSENT, 0), CFRAME(ABSENT, ABSENT),
	  FRAME(112, 32, 24, 104, ABSENT, 0, ABSENT, ABSENT, ABSENT),
	  CODE(36, 96, 104, ABSENT, 112, ABSENT, ABSENT, 36, 120, 0),
	  OBJECT(8, 16, ABSENT), UNICODE(16, 32, 24, 48, 72, 2), BYTES(16, 32),
	  TYPE(24, 168, 32, 288, ABSENT, 0), DICT(32, 40, 0),
	  INTEGER(24, 0, 30) },
	{ ROW(3, 8, 0, 8, NO_SHIMS, FRAMES_HEAP, LIVE_REFCOUNT, INSTR_BYTES,
	      LINES_LNOTAB, TEXT_UNICODE, DICT_COMPACT, ATTRS_DICT),
	  RUNTIME(32, 1368, 16), INTERP(0, 16, 8, ABSENT, 56), GIL(ABSENT, ABSENT),
	  THREAD(8, 16, 24, 176, ABSENT, ABSENT, ABSENT, 0), CFRAME(ABSENT, ABSENT),
	  FRAME(112, 32, 24, 104, ABSENT, 0, ABSENT, ABSENT, ABSENT),
	  CODE(40, 104, 112, ABSENT, 120, ABSENT, ABSENT, 40, 128, 0),
	  OBJECT(8, 16, ABSENT), UNICODE(16, 32, 24, 48, 72, 2), BYTES(16, 32),
	  TYPE(24, 168, 32, 288, ABSENT, 0), DICT(32, 40, 0),
	  INTEGER(24, 0, 30) },
	{ ROW(3, 9, 0, 8, NO_SHIMS, FRAMES_HEAP, LIVE_REFCOUNT, INSTR_BYTES,
	      LINES_LNOTAB, TEXT_UNICODE, DICT_COMPACT, ATTRS_DICT),
	  RUNTIME(32, 568, 8), INTERP(0, 24, 8, ABSENT, 856), GIL(ABSENT, ABSENT),
	  THREAD(8, 16, 24, 176, ABSENT, ABSENT, ABSENT, 0), CFRAME(ABSENT, ABSENT),
	  FRAME(112, 32, 24, 104, ABSENT, 0, ABSENT, ABSENT, ABSENT),
	  CODE(40, 104, 112, ABSENT, 120, ABSENT, ABSENT, 40, 128, 0),
	  OBJECT(8, 16, ABSENT), UNICODE(16, 32, 24, 48, 72, 2), BYTES(16, 32),
	  TYPE(24, 168, 32, 288, ABSENT, 0), DICT(32, 40, 0),
	  INTEGER(24, 0, 30) },
	{ ROW(3, 10, 0, 8, NO_SHIMS, FRAMES_HEAP, LIVE_REFCOUNT, INSTR_UNITS,
	      LINES_RANGES, TEXT_UNICODE, DICT_COMPACT, ATTRS_DICT),
	  RUNTIME(32, 568, 8), INTERP(0, 24, 8, ABSENT, 856), GIL(ABSENT, ABSENT),
	  THREAD(8, 16, 24, 176, ABSENT, ABSENT, ABSENT, 0), CFRAME(ABSENT, ABSENT),
	  FRAME(104, 32, 24, 96, ABSENT, 0, ABSENT, ABSENT, ABSENT),
	  CODE(40, 104, 112, ABSENT, 120, ABSENT, ABSENT, 40, 128, 0),
	  OBJECT(8, 16, ABSENT), UNICODE(16, 32, 24, 48, 72, 2), BYTES(16, 32),
	  TYPE(24, 168, 32, 288, ABSENT, 0), DICT(32, 40, 0),
	  INTEGER(24, 0, 30) },
	{ ROW(3, 11, 0, 8, NO_SHIMS, FRAMES_CFRAME, LIVE_STACKTOP, INSTR_PTR,
	      LINES_LOCATIONS, TEXT_UNICODE, DICT_LOG2, ATTRS_PAIR),
	  RUNTIME(40, 576, 8), INTERP(0, 48, 16, ABSENT, 888), GIL(ABSENT, ABSENT),
	  THREAD(8, 16, 56, 152, 160, 304, 336, 0), CFRAME(8, 16),
	  FRAME(80, 32, 48, 56, 69, 64, 68, 72, 1),
	  CODE(72, 112, 120, 128, 136, 184, 168, 72, 144, 0),
	  OBJECT(8, 16, 24), UNICODE(16, 32, 24, 48, 72, 2), BYTES(16, 32),
	  TYPE(24, 168, 32, 288, 872, 16), DICT(32, 40, 0),
	  INTEGER(24, 0, 30) },
	{ ROW(3, 12, 0, 8, 3, FRAMES_CFRAME, LIVE_STACKTOP, INSTR_PTR,
	      LINES_LOCATIONS, TEXT_UNICODE, DICT_LOG2, ATTRS_TAGGED),
	  RUNTIME(40, ABSENT, ABSENT), INTERP(0, 8, 72, 384, 944), GIL(8, 16),
	  THREAD(8, 16, 56, 136, 144, 240, 272, 1), CFRAME(0, 8),
	  FRAME(80, 0, 8, 56, 70, 64, ABSENT, 72, 1),
	  CODE(68, 112, 120, 128, 136, 192, 176, 68, 144, 1),
	  OBJECT(8, 16, 24), UNICODE(16, 32, 24, 40, 56, 2), BYTES(16, 32),
	  TYPE(24, 168, 32, 288, 880, 16), DICT(32, 40, 0),
	  INTEGER(24, 3, 30) },
	/* 32 bits, 64-bit numbers aligned to 4 bytes (i386); see wide[] for the others. */
	{ ROW(2, 7, 0, 4, NO_SHIMS, FRAMES_HEAP, LIVE_REFCOUNT, INSTR_BYTES,
	      LINES_LNOTAB_U8, TEXT_BYTES, DICT_TABLE, ATTRS_DICT),
	  RUNTIME(ABSENT, ABSENT, ABSENT), INTERP(0, ABSENT, 4, ABSENT, 8), GIL(ABSENT, ABSENT),
	  THREAD(0, 4, 8, 80, ABSENT, ABSENT, ABSENT, 0), CFRAME(ABSENT, ABSENT),
	  FRAME(68, 16, 12, 60, ABSENT, 0, ABSENT, ABSENT, ABSENT),
	  CODE(56, 48, 52, ABSENT, 60, ABSENT, ABSENT, 24, 64, 0),
	  OBJECT(4, 8, ABSENT), UNICODE(ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT), BYTES(8, 20),
	  TYPE(12, 84, 16, 144, ABSENT, 0), DICT(16, 20, ABSENT),
	  INTEGER(8, ABSENT, ABSENT) },
	{ ROW(3, 6, 0, 4, NO_SHIMS, FRAMES_HEAP, LIVE_REFCOUNT, INSTR_BYTES,
	      LINES_LNOTAB, TEXT_UNICODE, DICT_COMPACT, ATTRS_DICT),
	  RUNTIME(ABSENT, ABSENT, ABSENT), INTERP(0, ABSENT, 4, ABSENT, 8), GIL(ABSENT, ABSENT),
	  THREAD(4, 8, 12, 84, ABSENT, ABSENT, ABSENT, 0), CFRAME(ABSENT, ABSENT),
	  FRAME(68, 16, 12, 60, ABSENT, 0, ABSENT, ABSENT, ABSENT),
	  CODE(28, 60, 64, ABSENT, 68, ABSENT, ABSENT, 28, 72, 0),
	  OBJECT(4, 8, ABSENT), UNICODE(8, 16, 12, 24, 36, 2), BYTES(8, 16),
	  TYPE(12, 84, 16, 144, ABSENT, 0), DICT(20, 24, 0),
	  INTEGER(12, 0, 15) },
	{ ROW(3, 7, 0, 4, NO_SHIMS, FRAMES_HEAP, LIVE_REFCOUNT, INSTR_BYTES,
	      LINES_LNOTAB, TEXT_UNICODE, DICT_COMPACT, ATTRS_DICT),
	  RUNTIME(16, 796, 8), INTERP(0, 8, 4, ABSENT, 28), GIL(ABSENT, ABSENT),
	  THREAD(4, 8, 12, 96, ABSENT, ABSENT, ABSENT, 0), CFRAME(ABSENT, ABSENT),
	  FRAME(60, 16, 12, 52, ABSENT, 0, ABSENT, ABSENT, ABSENT),
	  CODE(28, 60, 64, ABSENT, 68, ABSENT, ABSENT, 28, 72, 0),
	  OBJECT(4, 8, ABSENT), UNICODE(8, 16, 12, 24, 36, 2), BYTES(8, 16),
	  TYPE(12, 84, 16, 144, ABSENT, 0), DICT(20, 24, 0),
	  INTEGER(12, 0, 15) },
	{ ROW(3, 8, 0, 4, NO_SHIMS, FRAMES_HEAP, LIVE_REFCOUNT, INSTR_BYTES,
	      LINES_LNOTAB, TEXT_UNICODE, DICT_COMPACT, ATTRS_DICT),
	  RUNTIME(24, 788, 8), INTERP(0, 8, 4, ABSENT, 36), GIL(ABSENT, ABSENT),
	  THREAD(4, 8, 12, 96, ABSENT, ABSENT, ABSENT, 0), CFRAME(ABSENT, ABSENT),
	  FRAME(60, 16, 12, 52, ABSENT, 0, ABSENT, ABSENT, ABSENT),
	  CODE(32, 64, 68, ABSENT, 72, ABSENT, ABSENT, 32, 76, 0),
	  OBJECT(4, 8, ABSENT), UNICODE(8, 16, 12, 24, 36, 2), BYTES(8, 16),
	  TYPE(12, 84, 16, 144, ABSENT, 0), DICT(20, 24, 0),
	  INTEGER(12, 0, 15) },
	{ ROW(3, 9, 0, 4, NO_SHIMS, FRAMES_HEAP, LIVE_REFCOUNT, INSTR_BYTES,
	      LINES_LNOTAB, TEXT_UNICODE, DICT_COMPACT, ATTRS_DICT),
	  RUNTIME(24, 352, 4), INTERP(0, 12, 4, ABSENT, 472), GIL(ABSENT, ABSENT),
	  THREAD(4, 8, 12, 96, ABSENT, ABSENT, ABSENT, 0), CFRAME(ABSENT, ABSENT),
	  FRAME(60, 16, 12, 52, ABSENT, 0, ABSENT, ABSENT, ABSENT),
	  CODE(32, 64, 68, ABSENT, 72, ABSENT, ABSENT, 32, 76, 0),
	  OBJECT(4, 8, ABSENT), UNICODE(8, 16, 12, 24, 36, 2), BYTES(8, 16),
	  TYPE(12, 84, 16, 144, ABSENT, 0), DICT(20, 24, 0),
	  INTEGER(12, 0, 15) },
	{ ROW(3, 10, 0, 4, NO_SHIMS, FRAMES_HEAP, LIVE_REFCOUNT, INSTR_UNITS,
	      LINES_RANGES, TEXT_UNICODE, DICT_COMPACT, ATTRS_DICT),
	  RUNTIME(24, 352, 4), INTERP(0, 12, 4, ABSENT, 468), GIL(ABSENT, ABSENT),
	  THREAD(4, 8, 12, 96, ABSENT, ABSENT, ABSENT, 0), CFRAME(ABSENT, ABSENT),
	  FRAME(60, 16, 12, 52, ABSENT, 0, ABSENT, ABSENT, ABSENT),
	  CODE(32, 64, 68, ABSENT, 72, ABSENT, ABSENT, 32, 76, 0),
	  OBJECT(4, 8, ABSENT), UNICODE(8, 16, 12, 24, 36, 2), BYTES(8, 16),
	  TYPE(12, 84, 16, 144, ABSENT, 0), DICT(20, 24, 0),
	  INTEGER(12, 0, 15) },
	{ ROW(3, 11, 0, 4, NO_SHIMS, FRAMES_CFRAME, LIVE_STACKTOP, INSTR_PTR,
	      LINES_LOCATIONS, TEXT_UNICODE, DICT_LOG2, ATTRS_PAIR),
	  RUNTIME(28, 356, 4), INTERP(0, 28, 12, ABSENT, 492), GIL(ABSENT, ABSENT),
	  THREAD(4, 8, 40, 88, 92, 176, 192, 0), CFRAME(4, 8),
	  FRAME(44, 16, 24, 28, 37, 32, 36, 40, 1),
	  CODE(48, 80, 84, 88, 92, 116, 108, 48, 96, 0),
	  OBJECT(4, 8, 12), UNICODE(8, 16, 12, 24, 36, 2), BYTES(8, 16),
	  TYPE(12, 84, 16, 144, 436, 16), DICT(20, 24, 0),
	  INTEGER(12, 0, 30) },
	{ ROW(3, 12, 0, 4, 3, FRAMES_CFRAME, LIVE_STACKTOP, INSTR_PTR,
	      LINES_LOCATIONS, TEXT_UNICODE, DICT_LOG2, ATTRS_TAGGED),
	  RUNTIME(28, ABSENT, ABSENT), INTERP(0, 4, 60, 240, 532), GIL(4, 8),
	  THREAD(4, 8, 40, 80, 84, 140, 156, 1), CFRAME(0, 4),
	  FRAME(44, 0, 4, 28, 38, 32, ABSENT, 40, 1),
	  CODE(44, 80, 84, 88, 92, 124, 116, 44, 96, 1),
	  OBJECT(4, 8, 12), UNICODE(8, 16, 12, 20, 28, 2), BYTES(8, 16),
	  TYPE(12, 84, 16, 144, 440, 16), DICT(20, 24, 0),
	  INTEGER(12, 3, 30) },
};

/* What differs where 64-bit numbers are aligned to 8 bytes (arm), by version. */
static const struct {
	int16_t release, interpreters, current, id, threads, gil, modules;
} wide[] = {
	{ 0x360, ABSENT, ABSENT, ABSENT, 4, ABSENT, 8 },
	{ 0x370, 20, 828, 8, 4, ABSENT, 28 },
	{ 0x380, 28, 804, 8, 4, ABSENT, 36 },
	{ 0x390, 28, 364, 16, 4, ABSENT, 476 },
	{ 0x3a0, 28, 364, 16, 4, ABSENT, 472 },
	{ 0x3b0, 28, 364, 40, 16, ABSENT, 504 },
	{ 0x3c0, 28, ABSENT, 8, 64, 248, 544 },
};

static void
widen(struct layout *l, int release)
{
	for (size_t i = 0; i < LEN(wide); i++) {
		if (wide[i].release != release)
			continue;
		l->runtime.interpreters = wide[i].interpreters;
		l->runtime.current = wide[i].current;
		l->interp.id = wide[i].id;
		l->interp.threads = wide[i].threads;
		l->interp.gil = wide[i].gil;
		l->interp.modules = wide[i].modules;
		l->dict.keys += 4; /* behind ma_version_tag */
		l->dict.values += 4;
	}
}

/* The release that a row begins with, as PY_VERSION_HEX. */
static unsigned
since(const int16_t *row)
{
	unsigned release = (unsigned)row[0];

	return HEX(release >> 8, release >> 4 & 15, release & 15);
}

int
layout_find(unsigned hex, int ptr, int machine, struct layout *out)
{
	int columns[COLUMNS];
	const int16_t *row = NULL;

	for (size_t i = 0; i < LEN(rows); i++)
		if (rows[i][1] == ptr && since(rows[i]) >> 16 == hex >> 16 && since(rows[i]) <= hex)
			row = rows[i];
	if (!row)
		return -1;
	for (int i = 0; i < COLUMNS; i++)
		columns[i] = row[i];
	memcpy(out, columns, sizeof columns);
	out->since = since(row);
	if (ptr == 4 && machine != EM_386)
		widen(out, row[0]);
	return 0;
}

size_t
layout_words(const struct layout *l, const int *fields, size_t n)
{
	int end = 0;

	for (size_t i = 0; i < n; i++)
		if (fields[i] > end)
			end = fields[i];
	return (size_t)(end + l->ptr);
}

int
layout_debug_shift(const struct layout *l)
{
	return l->since < HEX(3, 8, 0) ? 2 * l->ptr : 0;
}

/* CPython v3.10.0 Objects/genobject.c, _gen_throw; Include/cpython/code.h: the word before
 * co_firstlineno.  Later ones keep generators' frames in the generators. */
int
layout_flags(const struct layout *l)
{
	return l->frames == FRAMES_HEAP && l->instr == INSTR_UNITS ?
	       l->code.firstlineno - (int)sizeof(int32_t) : ABSENT;
}

void
layout_shift_objects(struct layout *l, int delta)
{
	int *fields[] = {
		&l->frame.size, &l->frame.code, &l->frame.back, &l->frame.instr, &l->frame.live,
		&l->code.firstlineno, &l->code.filename, &l->code.name, &l->code.linetable,
		&l->code.id_from, &l->code.id_to, &l->object.type, &l->object.head,
		&l->unicode.length, &l->unicode.state, &l->unicode.hash, &l->unicode.ascii,
		&l->unicode.compact, &l->bytes.length, &l->bytes.data, &l->type.name,
		&l->type.flags, &l->type.basicsize, &l->type.dictoffset, &l->dict.keys,
		&l->dict.values, &l->integer.digits,
	};

	for (size_t i = 0; i < LEN(fields); i++)
		if (*fields[i] != ABSENT)
			*fields[i] += delta;
}

/*
 * _Py_DebugOffsets: a run of 64-bit words at the start of _PyRuntime.  What
 * each word means is fixed within a minor version and differs between them.
 * CPython v3.13.0 Include/internal/pycore_runtime.h, v3.14.0 and later
 * Include/internal/pycore_debug_offsets.h; test/layouts/names.h has the members'
 * names.
 */
enum word {
	W_RUNTIME_INTERPRETERS,
	W_INTERP_SIZE, W_INTERP_ID, W_INTERP_NEXT, W_INTERP_THREADS, W_INTERP_MODULES, W_INTERP_GIL,
	W_INTERP_GENERATION,
	W_THREAD_SIZE, W_THREAD_NEXT, W_THREAD_INTERP, W_THREAD_FRAME, W_THREAD_BASE,
	W_THREAD_ID, W_THREAD_NATIVE_ID, W_THREAD_STATUS,
	W_FRAME_SIZE, W_FRAME_BACK, W_FRAME_CODE, W_FRAME_INSTR, W_FRAME_OWNER,
	W_FRAME_LOCALS, W_FRAME_STACKPOINTER, W_FRAME_TLBC,
	W_CODE_SIZE, W_CODE_FILENAME, W_CODE_NAME, W_CODE_QUALNAME, W_CODE_LINETABLE,
	W_CODE_FIRSTLINENO, W_CODE_INSTRUCTIONS, W_CODE_TLBC,
	W_OBJECT_HEAD, W_OBJECT_TYPE, W_TYPE_SIZE, W_TYPE_NAME, W_TYPE_FLAGS,
	W_DICT_KEYS, W_DICT_VALUES, W_LONG_DIGITS, W_BYTES_LENGTH, W_BYTES_DATA,
	W_UNICODE_STATE, W_UNICODE_LENGTH, W_UNICODE_ASCII,
	W_COUNT
};

/*
 * What is known of releases that describe themselves, by minor version and kind
 * of build: at which byte of _Py_DebugOffsets each word is (0: it is not there),
 * and what the words do not say.  Of that, distances are those where pointers have
 * 64 bits, and are made of pointers but for state_after_status.
 */
struct self {
	int16_t minor, free_threaded;
	int16_t frames, live, instr, lines, text, dicts, attrs, shim_owner, tags;
	uint16_t words[W_COUNT];
	int16_t holder, locked, enabled; /* of the GIL */
	int16_t state_after_status, attached, base_shims, generator_owner;
	int16_t traceable_before_instructions;
	int16_t dict_before, kind_at, cached_keys_after_name, managed_dict, inline_values;
	int16_t count_shift, bits;
};

#define SELF(minor_, free_threaded_, shim_owner_, tags_, frames_, live_, instr_, lines_, text_, \
             dicts_, attrs_) \
	.minor = minor_, .free_threaded = free_threaded_, .shim_owner = shim_owner_, \
	.tags = tags_, .frames = frames_, .live = live_, .instr = instr_, .lines = lines_, \
	.text = text_, .dicts = dicts_, .attrs = attrs_
#define SELF_INTERP(interpreters_, size_, id_, next_, threads_, modules_, gil_, generation_) \
	.words[W_RUNTIME_INTERPRETERS] = interpreters_, .words[W_INTERP_SIZE] = size_, \
	.words[W_INTERP_ID] = id_, .words[W_INTERP_NEXT] = next_, .words[W_INTERP_THREADS] = threads_, \
	.words[W_INTERP_MODULES] = modules_, .words[W_INTERP_GIL] = gil_, \
	.words[W_INTERP_GENERATION] = generation_
#define SELF_GIL(holder_, locked_, enabled_) \
	.holder = holder_, .locked = locked_, .enabled = enabled_
#define SELF_THREAD(size_, next_, interp_, frame_, base_, thread_id_, native_id_, status_, \
                    state_after_status_, attached_, base_shims_) \
	.words[W_THREAD_SIZE] = size_, .words[W_THREAD_NEXT] = next_, \
	.words[W_THREAD_INTERP] = interp_, .words[W_THREAD_FRAME] = frame_, \
	.words[W_THREAD_BASE] = base_, .words[W_THREAD_ID] = thread_id_, \
	.words[W_THREAD_NATIVE_ID] = native_id_, .words[W_THREAD_STATUS] = status_, \
	.state_after_status = state_after_status_, .attached = attached_, \
	.base_shims = base_shims_
#define SELF_FRAME(size_, back_, code_, instr_, owner_, locals_, stackpointer_, tlbc_, \
                   generator_owner_) \
	.words[W_FRAME_SIZE] = size_, .words[W_FRAME_BACK] = back_, \
	.words[W_FRAME_CODE] = code_, .words[W_FRAME_INSTR] = instr_, \
	.words[W_FRAME_OWNER] = owner_, .words[W_FRAME_LOCALS] = locals_, \
	.words[W_FRAME_STACKPOINTER] = stackpointer_, .words[W_FRAME_TLBC] = tlbc_, \
	.generator_owner = generator_owner_
#define SELF_CODE(size_, filename_, name_, qualname_, linetable_, firstlineno_, instructions_, \
                  tlbc_, traceable_before_instructions_) \
	.words[W_CODE_SIZE] = size_, .words[W_CODE_FILENAME] = filename_, \
	.words[W_CODE_NAME] = name_, .words[W_CODE_QUALNAME] = qualname_, \
	.words[W_CODE_LINETABLE] = linetable_, .words[W_CODE_FIRSTLINENO] = firstlineno_, \
	.words[W_CODE_INSTRUCTIONS] = instructions_, .words[W_CODE_TLBC] = tlbc_, \
	.traceable_before_instructions = traceable_before_instructions_
#define SELF_OBJECT(head_, type_, dict_before_) \
	.words[W_OBJECT_HEAD] = head_, .words[W_OBJECT_TYPE] = type_, .dict_before = dict_before_
#define SELF_UNICODE(state_, length_, ascii_, kind_at_) \
	.words[W_UNICODE_STATE] = state_, .words[W_UNICODE_LENGTH] = length_, \
	.words[W_UNICODE_ASCII] = ascii_, .kind_at = kind_at_
#define SELF_BYTES(length_, data_) \
	.words[W_BYTES_LENGTH] = length_, .words[W_BYTES_DATA] = data_
#define SELF_TYPE(size_, name_, flags_, cached_keys_after_name_, managed_dict_, inline_values_) \
	.words[W_TYPE_SIZE] = size_, .words[W_TYPE_NAME] = name_, .words[W_TYPE_FLAGS] = flags_, \
	.cached_keys_after_name = cached_keys_after_name_, .managed_dict = managed_dict_, \
	.inline_values = inline_values_
#define SELF_DICT(keys_, values_) \
	.words[W_DICT_KEYS] = keys_, .words[W_DICT_VALUES] = values_
#define SELF_INTEGER(digits_, count_shift_, bits_) \
	.words[W_LONG_DIGITS] = digits_, .count_shift = count_shift_, .bits = bits_

/* Put here by "make layouts", as the rows above. */
static const struct self selves[] = {
	{ SELF(13, 0, 3, 0, FRAMES_CURRENT, LIVE_STACKTOP, INSTR_PTR,
	      LINES_LOCATIONS, TEXT_UNICODE, DICT_LOG2, ATTRS_INLINE),
	  SELF_INTERP(40, 48, 56, 64, 72, 88, 112, 0), SELF_GIL(8, 16, ABSENT),
	  SELF_THREAD(152, 168, 176, 184, 0, 192, 200, 216, 8, 1, 1),
	  SELF_FRAME(224, 232, 240, 248, 264, 256, 0, 0, 1),
	  SELF_CODE(272, 280, 288, 296, 304, 312, 344, 0, 16),
	  SELF_OBJECT(352, 360, 24), SELF_UNICODE(544, 552, 560, 2),
	  SELF_BYTES(520, 528), SELF_TYPE(368, 376, 392, 856, 16, 4),
	  SELF_DICT(456, 464), SELF_INTEGER(504, 3, 30) },
	{ SELF(13, 1, 3, 0, FRAMES_CURRENT, LIVE_STACKTOP, INSTR_PTR,
	      LINES_LOCATIONS, TEXT_UNICODE, DICT_LOG2, ATTRS_INLINE),
	  SELF_INTERP(40, 48, 56, 64, 72, 88, 112, 0), SELF_GIL(16, 24, 0),
	  SELF_THREAD(152, 168, 176, 184, 0, 192, 200, 216, 8, 1, 1),
	  SELF_FRAME(224, 232, 240, 248, 264, 256, 0, 0, 1),
	  SELF_CODE(272, 280, 288, 296, 304, 312, 344, 0, 16),
	  SELF_OBJECT(352, 360, 8), SELF_UNICODE(544, 552, 560, 2),
	  SELF_BYTES(520, 528), SELF_TYPE(368, 376, 392, 856, 16, 4),
	  SELF_DICT(456, 464), SELF_INTEGER(504, 3, 30) },
	{ SELF(14, 0, 3, 3, FRAMES_CURRENT, LIVE_STACKPOINTER, INSTR_PTR,
	      LINES_LOCATIONS, TEXT_UNICODE, DICT_LOG2, ATTRS_INLINE),
	  SELF_INTERP(40, 48, 56, 64, 72, 96, 120, 160), SELF_GIL(8, 16, ABSENT),
	  SELF_THREAD(176, 192, 200, 208, 0, 216, 224, 240, 12, 1, 1),
	  SELF_FRAME(248, 256, 264, 272, 288, 280, 296, 304, 1),
	  SELF_CODE(312, 320, 328, 336, 344, 352, 384, 392, 16),
	  SELF_OBJECT(400, 408, 24), SELF_UNICODE(624, 632, 640, 2),
	  SELF_BYTES(600, 608), SELF_TYPE(416, 424, 440, 856, 16, 4),
	  SELF_DICT(536, 544), SELF_INTEGER(584, 3, 30) },
	{ SELF(14, 1, 3, 3, FRAMES_CURRENT, LIVE_STACKPOINTER, INSTR_PTR,
	      LINES_LOCATIONS, TEXT_UNICODE, DICT_LOG2, ATTRS_INLINE),
	  SELF_INTERP(40, 48, 56, 64, 72, 96, 120, 160), SELF_GIL(16, 24, 0),
	  SELF_THREAD(176, 192, 200, 208, 0, 216, 224, 240, 12, 1, 1),
	  SELF_FRAME(248, 256, 264, 272, 288, 280, 296, 304, 1),
	  SELF_CODE(312, 320, 328, 336, 344, 352, 384, 392, 24),
	  SELF_OBJECT(400, 408, 8), SELF_UNICODE(624, 632, 640, 8),
	  SELF_BYTES(600, 608), SELF_TYPE(416, 424, 440, 856, 16, 4),
	  SELF_DICT(536, 544), SELF_INTEGER(584, 3, 30) },
	{ SELF(15, 0, 3, 3, FRAMES_CURRENT, LIVE_STACKPOINTER, INSTR_PTR,
	      LINES_LOCATIONS, TEXT_UNICODE, DICT_LOG2, ATTRS_INLINE),
	  SELF_INTERP(40, 48, 56, 64, 72, 96, 120, 160), SELF_GIL(8, 16, ABSENT),
	  SELF_THREAD(176, 192, 200, 208, 216, 240, 248, 264, 16, 1, 2),
	  SELF_FRAME(312, 320, 328, 336, 352, 344, 360, 368, 1),
	  SELF_CODE(376, 384, 392, 400, 408, 416, 448, 456, 16),
	  SELF_OBJECT(464, 472, 24), SELF_UNICODE(720, 728, 736, 2),
	  SELF_BYTES(696, 704), SELF_TYPE(480, 488, 504, 864, 16, 4),
	  SELF_DICT(632, 640), SELF_INTEGER(680, 3, 30) },
	{ SELF(15, 1, 3, 3, FRAMES_CURRENT, LIVE_STACKPOINTER, INSTR_PTR,
	      LINES_LOCATIONS, TEXT_UNICODE, DICT_LOG2, ATTRS_INLINE),
	  SELF_INTERP(40, 48, 56, 64, 72, 96, 120, 160), SELF_GIL(16, 24, 0),
	  SELF_THREAD(176, 192, 200, 208, 216, 240, 248, 264, 16, 1, 2),
	  SELF_FRAME(312, 320, 328, 336, 352, 344, 360, 368, 1),
	  SELF_CODE(376, 384, 392, 400, 408, 416, 448, 456, 24),
	  SELF_OBJECT(464, 472, 8), SELF_UNICODE(720, 728, 736, 8),
	  SELF_BYTES(696, 704), SELF_TYPE(480, 488, 504, 864, 16, 4),
	  SELF_DICT(632, 640), SELF_INTEGER(680, 3, 30) },
};

/* What is known of that release and kind of build, NULL if it is not one that
 * describes itself in a form known here. */
static const struct self *
find_self(unsigned hex, int free_threaded)
{
	for (size_t i = 0; i < LEN(selves); i++)
		if (hex >> 16 == (HEX(3u, (unsigned)selves[i].minor, 0) >> 16) &&
		    selves[i].free_threaded == free_threaded)
			return &selves[i];
	return NULL;
}

enum { MAX_STRUCT = 1 << 20 };

/* Whether the fields of code objects that are read at once are close enough to
 * each other, from the first line on, that they fit where they are read to. */
static int
code_is_sane(const int v[W_COUNT], int ptr)
{
	enum { MAX_IDENTITY = 256 };
	int from = v[W_CODE_FIRSTLINENO], to = v[W_CODE_LINETABLE];

	for (int w = W_CODE_FILENAME; w <= W_CODE_LINETABLE; w++)
		if (v[w] <= from || v[w] > to)
			return 0;
	return to + ptr - from <= MAX_IDENTITY && v[W_CODE_INSTRUCTIONS] >= 32;
}

/* Words that are offsets into a structure whose size is told as well; and what
 * is read into arrays of a fixed size (frames.c, code.c, objects.c). */
static int
words_are_sane(const int v[W_COUNT], int ptr)
{
	enum { MAX_UNICODE = 96, MAX_DIGITS = 48, MAX_BYTES = 32 };
	static const uint8_t within[][3] = { /* size, first, last */
		{ W_INTERP_SIZE, W_INTERP_ID, W_INTERP_GENERATION },
		{ W_THREAD_SIZE, W_THREAD_NEXT, W_THREAD_STATUS },
		{ W_FRAME_SIZE, W_FRAME_BACK, W_FRAME_TLBC },
		{ W_CODE_SIZE, W_CODE_FILENAME, W_CODE_TLBC },
		{ W_TYPE_SIZE, W_TYPE_NAME, W_TYPE_FLAGS },
	};

	for (size_t i = 0; i < LEN(within); i++)
		for (int w = within[i][1]; w <= within[i][2]; w++)
			if (v[w] >= v[within[i][0]])
				return 0;
	for (int w = W_FRAME_BACK; w <= W_FRAME_TLBC; w++)
		if (v[w] > v[W_FRAME_SIZE] - ptr)
			return 0;
	return v[W_FRAME_SIZE] <= 1024 && v[W_FRAME_LOCALS] >= 8 && v[W_CODE_SIZE] <= 4096 &&
	       code_is_sane(v, ptr) && v[W_UNICODE_ASCII] <= MAX_UNICODE &&
	       v[W_UNICODE_STATE] <= v[W_UNICODE_ASCII] - 4 &&
	       v[W_UNICODE_LENGTH] <= v[W_UNICODE_ASCII] - ptr &&
	       v[W_BYTES_DATA] > v[W_BYTES_LENGTH] &&
	       v[W_BYTES_DATA] - v[W_BYTES_LENGTH] <= MAX_BYTES &&
	       v[W_LONG_DIGITS] <= MAX_DIGITS && v[W_OBJECT_HEAD] <= v[W_LONG_DIGITS] - ptr;
}

int
layout_known(unsigned hex)
{
	struct layout l;

	return !layout_find(hex, 8, 0, &l) || find_self(hex, 0);
}

/* The words that matter; -1 if one of them is past the end or too large for an
 * offset. */
static int
read_words(int v[W_COUNT], const unsigned char *bytes, size_t len, const struct self *self)
{
	for (int w = 0; w < W_COUNT; w++) {
		size_t at = self->words[w];
		uint64_t value;

		v[w] = ABSENT;
		if (!at)
			continue;
		if (at + sizeof value > len)
			return -1;
		memcpy(&value, bytes + at, sizeof value);
		if (value >= MAX_STRUCT)
			return -1;
		v[w] = (int)value;
	}
	return 0;
}

/* Whether it is a build without a GIL: the third word, in all versions. */
static int
is_free_threaded(const unsigned char *bytes, size_t len)
{
	uint64_t words[3] = { 0 };

	if (len >= sizeof words)
		memcpy(words, bytes, sizeof words);
	return words[2] != 0;
}

/* A distance where pointers have 64 bits, as it is with those of this target. */
static int
scaled(const struct layout *l, int distance)
{
	return distance == ABSENT ? ABSENT : distance * l->ptr / 8;
}

static void
fill_kinds(struct layout *l, const struct self *self)
{
	l->free_threaded = self->free_threaded;
	l->frames = (enum frame_kind)self->frames;
	l->live = (enum live_kind)self->live;
	l->instr = (enum instr_kind)self->instr;
	l->lines = (enum line_kind)self->lines;
	l->text = (enum text_kind)self->text;
	l->dicts = (enum dict_kind)self->dicts;
	l->attrs = (enum attr_kind)self->attrs;
	l->shim_owner = self->shim_owner;
	l->tags = (unsigned)self->tags;
}

static void
fill_interpreter(struct layout *l, const int v[W_COUNT], const struct self *self)
{
	l->runtime.interpreters = v[W_RUNTIME_INTERPRETERS];
	l->interp.id = v[W_INTERP_ID];
	l->interp.next = v[W_INTERP_NEXT];
	l->interp.threads = v[W_INTERP_THREADS];
	l->interp.gil = v[W_INTERP_GIL];
	l->interp.generation = v[W_INTERP_GENERATION];
	l->interp.modules = v[W_INTERP_MODULES];
	l->gil.holder = scaled(l, self->holder);
	l->gil.locked = scaled(l, self->locked);
	l->gil.enabled = scaled(l, self->enabled);
}

static void
fill_thread(struct layout *l, const int v[W_COUNT], const struct self *self)
{
	l->thread.next = v[W_THREAD_NEXT];
	l->thread.interp = v[W_THREAD_INTERP];
	l->thread.frame = v[W_THREAD_FRAME];
	l->thread.thread_id = v[W_THREAD_ID];
	l->thread.native_id = v[W_THREAD_NATIVE_ID];
	l->thread.state = v[W_THREAD_STATUS] + self->state_after_status;
	l->thread.base = v[W_THREAD_BASE];
	l->thread.attached = self->attached;
	l->thread.base_shims = self->base_shims;
}

static void
fill_frame(struct layout *l, const int v[W_COUNT], const struct self *self)
{
	l->frame.size = v[W_FRAME_SIZE];
	l->frame.code = v[W_FRAME_CODE];
	l->frame.back = v[W_FRAME_BACK];
	l->frame.instr = v[W_FRAME_INSTR];
	l->frame.owner = v[W_FRAME_OWNER];
	l->frame.tlbc = l->free_threaded ? v[W_FRAME_TLBC] : ABSENT;
	/* 3.13 has an index, stacktop, right before the locals. */
	l->frame.live = l->live == LIVE_STACKTOP ? v[W_FRAME_LOCALS] - 8 : v[W_FRAME_STACKPOINTER];
	l->frame.locals = v[W_FRAME_LOCALS];
	l->frame.generator_owner = self->generator_owner;
}

static void
fill_code(struct layout *l, const int v[W_COUNT], const struct self *self)
{
	l->code.firstlineno = v[W_CODE_FIRSTLINENO];
	l->code.filename = v[W_CODE_FILENAME];
	l->code.name = v[W_CODE_NAME];
	l->code.qualname = v[W_CODE_QUALNAME];
	l->code.linetable = v[W_CODE_LINETABLE];
	l->code.instructions = v[W_CODE_INSTRUCTIONS];
	l->code.traceable = v[W_CODE_INSTRUCTIONS] -
	                    scaled(l, self->traceable_before_instructions);
	l->code.tlbc = l->free_threaded ? v[W_CODE_TLBC] : ABSENT;
	l->code.nlocals = v[W_CODE_FIRSTLINENO] + 4;
	l->code.id_from = v[W_CODE_FIRSTLINENO];
	l->code.id_to = v[W_CODE_LINETABLE] + l->ptr;
	l->code.id_unique = 1;
}

static void
fill_text(struct layout *l, const int v[W_COUNT], const struct self *self)
{
	l->unicode.length = v[W_UNICODE_LENGTH];
	l->unicode.state = v[W_UNICODE_STATE];
	l->unicode.hash = v[W_UNICODE_LENGTH] + l->ptr;
	l->unicode.ascii = v[W_UNICODE_ASCII];
	l->unicode.compact = v[W_UNICODE_ASCII] + 2 * l->ptr;
	l->unicode.kind_at = self->kind_at;
	l->bytes.length = v[W_BYTES_LENGTH];
	l->bytes.data = v[W_BYTES_DATA];
}

static void
fill_objects(struct layout *l, const int v[W_COUNT], const struct self *self)
{
	l->object.type = v[W_OBJECT_TYPE];
	l->object.head = v[W_OBJECT_HEAD];
	l->object.dict_before = scaled(l, self->dict_before);
	l->type.name = v[W_TYPE_NAME];
	l->type.flags = v[W_TYPE_FLAGS];
	l->type.basicsize = v[W_TYPE_NAME] + l->ptr;
	l->type.dictoffset = v[W_TYPE_NAME] + 33 * l->ptr;
	l->type.cached_keys = v[W_TYPE_NAME] + scaled(l, self->cached_keys_after_name);
	l->type.managed_dict = (unsigned)self->managed_dict;
	l->type.inline_values = (unsigned)self->inline_values;
	l->dict.keys = v[W_DICT_KEYS];
	l->dict.values = v[W_DICT_VALUES];
	l->dict.first_value = l->ptr;
	l->integer.digits = v[W_LONG_DIGITS];
	l->integer.count_shift = self->count_shift;
	l->integer.bits = self->bits;
}

int
layout_from_debug_offsets(struct layout *out, const void *bytes, size_t len, unsigned hex, int ptr)
{
	const struct self *self = find_self(hex, is_free_threaded(bytes, len));
	int v[W_COUNT];

	if (!self || read_words(v, bytes, len, self) || !words_are_sane(v, ptr))
		return -1;
	memset(out, 0xff, sizeof *out); /* all is ABSENT */
	out->since = hex;
	out->ptr = ptr;
	fill_kinds(out, self);
	fill_interpreter(out, v, self);
	fill_thread(out, v, self);
	fill_frame(out, v, self);
	fill_code(out, v, self);
	fill_text(out, v, self);
	fill_objects(out, v, self);
	return 0;
}
