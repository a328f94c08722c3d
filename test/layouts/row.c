/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled against the headers of one CPython, prints what they say of its
 * structures.
 *
 *   row            its entry of rows[] in layouts.c; from 3.13 that of selves[]
 *   row values     the same as NAME=VALUE, one a line
 *   row offsets    its _Py_DebugOffsets, as bytes; nothing before 3.13
 *   row version    its version, PY_VERSION_HEX and how far a debug build moves
 *                  objects
 *
 * From 3.13 it is to be linked with --unresolved-symbols=ignore-all: there an
 * initialiser of _PyRuntime names half of the interpreter.
 */
#define Py_BUILD_CORE 1
#include <Python.h>

#if PY_VERSION_HEX < 0x03000000
#include <frameobject.h>
#elif PY_VERSION_HEX < 0x03070000
#include <frameobject.h>
#include <longintrepr.h>
#elif PY_VERSION_HEX < 0x03080000
#include <frameobject.h>
#include <longintrepr.h>
#include <internal/pystate.h>
#elif PY_VERSION_HEX < 0x030b0000
#include <frameobject.h>
#include <longintrepr.h>
#include <internal/pycore_pystate.h>
#if PY_VERSION_HEX >= 0x03090000
#include <internal/pycore_interp.h>
#include <internal/pycore_runtime.h>
#endif
#else
#include <internal/pycore_runtime.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_frame.h>
#include <internal/pycore_code.h>
#include <internal/pycore_dict.h>
#include <internal/pycore_object.h>
#if PY_VERSION_HEX >= 0x030c0000
#include <internal/pycore_gil.h>
#include <internal/pycore_long.h>
#endif
#if PY_VERSION_HEX >= 0x030e0000
#include <internal/pycore_debug_offsets.h>
#include <internal/pycore_interpframe_structs.h>
#include <internal/pycore_stackref.h>
#elif PY_VERSION_HEX >= 0x030d0000
#include <internal/pycore_ceval.h>
#include <internal/pycore_runtime_init.h>
#endif
#endif

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "names.h"

#define AT(type, member) ((int)offsetof(type, member))
#define SIZE(type) ((int)sizeof(type))

/*
 * What the kinds say, and objects.c, turns.c, code.c and frames.c rely on, as far
 * as headers show it.
 */
#if PY_VERSION_HEX >= 0x030b0000
#define IS(offset, expected) _Static_assert((offset) == (expected), "not as " #expected)
/* DICT_LOG2 */
IS(AT(PyDictKeysObject, dk_log2_index_bytes), SIZE(void *) + 1);
IS(AT(PyDictKeysObject, dk_kind), SIZE(void *) + 2);
IS(AT(PyDictKeysObject, dk_nentries), 2 * SIZE(void *) + 8);
IS(AT(PyDictKeysObject, dk_indices), 3 * SIZE(void *) + 8);
IS(AT(PyDictKeyEntry, me_key), SIZE(void *));
IS(AT(PyDictKeyEntry, me_value), 2 * SIZE(void *));
IS(AT(PyDictUnicodeEntry, me_key), 0);
IS(AT(PyDictUnicodeEntry, me_value), SIZE(void *));
IS(DICT_KEYS_GENERAL, 0);
/* thread.stack */
IS(AT(PyThreadState, datastack_limit), AT(PyThreadState, datastack_top) + SIZE(void *));
#endif
#if PY_VERSION_HEX >= 0x030c0000
/* gil: the interval, the last holder, whether it is locked */
IS(AT(struct _gil_runtime_state, interval), AT(struct _gil_runtime_state, last_holder) - SIZE(void *));
IS(AT(struct _gil_runtime_state, locked), AT(struct _gil_runtime_state, last_holder) + SIZE(void *));
#endif
#if PY_VERSION_HEX >= 0x030e0000 && defined(Py_GIL_DISABLED)
/* code.tlbc */
IS(AT(_PyCodeArray, entries), SIZE(void *));
#endif

/* Objects other than code and frames. */
static void
find_objects(struct layout *l)
{
	l->ptr = SIZE(void *);
	l->object.type = AT(PyObject, ob_type);
	l->object.head = SIZE(PyObject);
	l->type.name = AT(PyTypeObject, tp_name);
	l->type.flags = AT(PyTypeObject, tp_flags);
	l->type.basicsize = AT(PyTypeObject, tp_basicsize);
	l->type.dictoffset = AT(PyTypeObject, tp_dictoffset);
	l->bytes.length = AT(PyVarObject, ob_size);
	l->bytes.data = AT(PyBytesObject, ob_sval);
#if PY_VERSION_HEX < 0x03000000
	l->dict.keys = AT(PyDictObject, ma_mask);
	l->dict.values = AT(PyDictObject, ma_table);
	l->integer.digits = AT(PyIntObject, ob_ival);
	l->text = TEXT_BYTES;
	l->dicts = DICT_TABLE;
#else
	l->dict.keys = AT(PyDictObject, ma_keys);
	l->dict.values = AT(PyDictObject, ma_values);
#if PY_VERSION_HEX < 0x030c0000
	l->integer.digits = AT(PyLongObject, ob_digit);
	l->integer.count_shift = 0; /* ob_size */
#else
	l->integer.digits = AT(PyLongObject, long_value.ob_digit);
	l->integer.count_shift = _PyLong_NON_SIZE_BITS;
#endif
	l->integer.bits = PyLong_SHIFT;
	l->dicts = PY_VERSION_HEX < 0x030b0000 ? DICT_COMPACT : DICT_LOG2;
#if PY_VERSION_HEX < 0x030b0000
	l->dict.first_value = 0; /* ma_values is a PyObject ** */
#else
	l->dict.first_value = AT(PyDictValues, values);
	l->type.cached_keys = AT(PyHeapTypeObject, ht_cached_keys);
#endif

	PyASCIIObject text;
	uint32_t state;

	l->unicode.length = AT(PyASCIIObject, length);
	l->unicode.state = AT(PyASCIIObject, state);
	l->unicode.hash = AT(PyASCIIObject, hash);
	l->unicode.ascii = SIZE(PyASCIIObject);
	l->unicode.compact = SIZE(PyCompactUnicodeObject);

	/* At which bit do its kind, compact and ascii begin, if they follow each other? */
	memset(&text, 0, sizeof text);
	text.state.kind = 7;
	text.state.compact = 1;
	text.state.ascii = 1;
	memcpy(&state, &text.state, sizeof state);
	l->unicode.kind_at = __builtin_ctz(state);
	l->text = state >> l->unicode.kind_at == 0x1f ? TEXT_UNICODE : TEXT_BYTES;
#endif
	l->type.managed_dict = l->type.inline_values = 0;
#if PY_VERSION_HEX >= 0x030b0000
	l->type.managed_dict = Py_TPFLAGS_MANAGED_DICT;
#endif
#if PY_VERSION_HEX >= 0x030b0000 && PY_VERSION_HEX < 0x030c0000 || PY_VERSION_HEX >= 0x030d0000
	l->object.dict_before = (int)-MANAGED_DICT_OFFSET;
#elif PY_VERSION_HEX >= 0x030c0000
	l->object.dict_before = 3 * SIZE(void *); /* as _PyObject_DictOrValuesPointer has it */
#endif
#if PY_VERSION_HEX >= 0x030d0000
	l->type.inline_values = Py_TPFLAGS_INLINE_VALUES;
#endif
	l->attrs = PY_VERSION_HEX < 0x030b0000 ? ATTRS_DICT :
	           PY_VERSION_HEX < 0x030c0000 ? ATTRS_PAIR :
	           PY_VERSION_HEX < 0x030d0000 ? ATTRS_TAGGED : ATTRS_INLINE;
}

static void
find_code(struct layout *l)
{
	l->code.firstlineno = AT(PyCodeObject, co_firstlineno);
	l->code.filename = AT(PyCodeObject, co_filename);
	l->code.name = AT(PyCodeObject, co_name);
#if PY_VERSION_HEX < 0x030a0000
	l->code.linetable = AT(PyCodeObject, co_lnotab);
#else
	l->code.linetable = AT(PyCodeObject, co_linetable);
#endif
#if PY_VERSION_HEX >= 0x030b0000
	l->code.qualname = AT(PyCodeObject, co_qualname);
	l->code.instructions = AT(PyCodeObject, co_code_adaptive);
	l->code.traceable = AT(PyCodeObject, _co_firsttraceable);
#endif
#if PY_VERSION_HEX >= 0x030e0000 && defined(Py_GIL_DISABLED)
	l->code.tlbc = AT(PyCodeObject, co_tlbc);
#endif
#if PY_VERSION_HEX < 0x03000000
	l->code.id_from = AT(PyCodeObject, co_code);
#else
	l->code.id_from = AT(PyCodeObject, co_firstlineno);
#endif
	l->code.id_to = l->code.linetable + SIZE(void *);
#if PY_VERSION_HEX >= 0x030d0000
	l->code.nlocals = AT(PyCodeObject, co_nlocalsplus);
#endif
#if PY_VERSION_HEX >= 0x030c0000
	l->code.id_unique = AT(PyCodeObject, co_version) >= l->code.id_from &&
	                    AT(PyCodeObject, co_version) < l->code.id_to;
#else
	l->code.id_unique = 0;
#endif
	l->lines = PY_VERSION_HEX < 0x03000000 ? LINES_LNOTAB_U8 :
	           PY_VERSION_HEX < 0x030a0000 ? LINES_LNOTAB :
	           PY_VERSION_HEX < 0x030b0000 ? LINES_RANGES : LINES_LOCATIONS;
}

static void
find_frame(struct layout *l)
{
	l->shim_owner = NO_SHIMS;
	l->tags = 0;
#if PY_VERSION_HEX < 0x030b0000
	l->frame.size = AT(PyFrameObject, f_lineno) + SIZE(int);
	l->frame.code = AT(PyFrameObject, f_code);
	l->frame.back = AT(PyFrameObject, f_back);
	l->frame.instr = AT(PyFrameObject, f_lasti);
	l->frame.live = AT(PyObject, ob_refcnt);
#else
	l->frame.size = SIZE(_PyInterpreterFrame);
	l->frame.back = AT(_PyInterpreterFrame, previous);
	l->frame.owner = AT(_PyInterpreterFrame, owner);
	l->frame.locals = AT(_PyInterpreterFrame, localsplus);
	l->frame.generator_owner = FRAME_OWNED_BY_GENERATOR;
#if PY_VERSION_HEX < 0x030c0000
	l->frame.entry = AT(_PyInterpreterFrame, is_entry);
#endif
#if PY_VERSION_HEX < 0x030e0000
	l->frame.live = AT(_PyInterpreterFrame, stacktop);
#else
	l->frame.live = AT(_PyInterpreterFrame, stackpointer);
#endif
#if PY_VERSION_HEX < 0x030d0000
	l->cframe.frame = AT(_PyCFrame, current_frame);
	l->cframe.previous = AT(_PyCFrame, previous);
	l->frame.code = AT(_PyInterpreterFrame, f_code);
	l->frame.instr = AT(_PyInterpreterFrame, prev_instr);
#else
	l->frame.code = AT(_PyInterpreterFrame, f_executable);
	l->frame.instr = AT(_PyInterpreterFrame, instr_ptr);
#endif
#endif
#if PY_VERSION_HEX >= 0x030e0000
	l->shim_owner = FRAME_OWNED_BY_INTERPRETER;
	/* Free-threaded 3.14 has one bit only; the other is 0 in any pointer. */
	l->tags = Py_TAG_BITS | 3;
#ifdef Py_GIL_DISABLED
	l->frame.tlbc = AT(_PyInterpreterFrame, tlbc_index);
#endif
#elif PY_VERSION_HEX >= 0x030c0000
	l->shim_owner = FRAME_OWNED_BY_CSTACK;
#endif
	l->frames = PY_VERSION_HEX < 0x030b0000 ? FRAMES_HEAP :
	            PY_VERSION_HEX < 0x030d0000 ? FRAMES_CFRAME : FRAMES_CURRENT;
	l->live = PY_VERSION_HEX < 0x030b0000 ? LIVE_REFCOUNT :
	          PY_VERSION_HEX < 0x030e0000 ? LIVE_STACKTOP : LIVE_STACKPOINTER;
	l->instr = PY_VERSION_HEX < 0x030a0000 ? INSTR_BYTES :
	           PY_VERSION_HEX < 0x030b0000 ? INSTR_UNITS : INSTR_PTR;
}

static void
find_thread(struct layout *l)
{
	l->thread.next = AT(PyThreadState, next);
	l->thread.interp = AT(PyThreadState, interp);
	l->thread.thread_id = AT(PyThreadState, thread_id);
#if PY_VERSION_HEX < 0x030b0000
	l->thread.frame = AT(PyThreadState, frame);
#elif PY_VERSION_HEX < 0x030d0000
	l->thread.frame = AT(PyThreadState, cframe);
	l->thread.stack = AT(PyThreadState, datastack_top);
	l->thread.root = AT(PyThreadState, root_cframe);
#else
	l->thread.frame = AT(PyThreadState, current_frame);
	l->thread.state = AT(PyThreadState, state);
	l->thread.attached = _Py_THREAD_ATTACHED;
#endif
#if PY_VERSION_HEX >= 0x030b0000
	l->thread.native_id = AT(PyThreadState, native_thread_id);
#endif
	l->thread.base_shims = PY_VERSION_HEX < 0x030c0000 ? 0 : 1;
#if PY_VERSION_HEX >= 0x030f0000
	l->thread.base = AT(PyThreadState, base_frame);
	l->thread.base_shims = 2;
#endif
}

static void
find_interpreter(struct layout *l)
{
	l->interp.next = AT(PyInterpreterState, next);
#if PY_VERSION_HEX >= 0x03070000
	l->interp.id = AT(PyInterpreterState, id);
#endif
#if PY_VERSION_HEX < 0x030b0000
	l->interp.threads = AT(PyInterpreterState, tstate_head);
#else
	l->interp.threads = AT(PyInterpreterState, threads.head);
#endif
#if PY_VERSION_HEX < 0x030c0000
	l->interp.modules = AT(PyInterpreterState, modules);
#else
	l->interp.modules = AT(PyInterpreterState, imports.modules);
	l->interp.gil = AT(PyInterpreterState, ceval.gil);
	l->gil.holder = AT(struct _gil_runtime_state, last_holder);
	l->gil.locked = AT(struct _gil_runtime_state, locked);
#ifdef Py_GIL_DISABLED
	l->gil.enabled = AT(struct _gil_runtime_state, enabled);
#endif
#endif
#if PY_VERSION_HEX >= 0x030e0000
	l->interp.generation = AT(PyInterpreterState, _code_object_generation);
#endif
#if PY_VERSION_HEX >= 0x03070000
	l->runtime.interpreters = AT(_PyRuntimeState, interpreters.head);
#if PY_VERSION_HEX < 0x030c0000
	l->runtime.current = AT(_PyRuntimeState, gilstate.tstate_current);
	l->runtime.main_after = AT(_PyRuntimeState, gilstate.autoInterpreterState) -
	                        l->runtime.current;
#endif
#endif
}

static void
find_shape_of_frame(struct shape *s)
{
#if PY_VERSION_HEX < 0x030b0000
	s->code.nlocals = AT(PyCodeObject, co_nlocals);
	s->code.names = AT(PyCodeObject, co_varnames);
	s->code.cells = AT(PyCodeObject, co_cellvars);
	s->code.frees = AT(PyCodeObject, co_freevars);
	s->frame.space = AT(PyFrameObject, f_locals);
	s->frame.locals = AT(PyFrameObject, f_localsplus);
	s->frame.stack = AT(PyFrameObject, f_valuestack);
#if PY_VERSION_HEX < 0x030a0000
	s->frame.top = AT(PyFrameObject, f_stacktop);
	s->frame.top_is_depth = 0;
#else
	s->frame.top = AT(PyFrameObject, f_stackdepth);
	s->frame.top_is_depth = 1;
#endif
#else
	s->code.nlocals = AT(PyCodeObject, co_nlocalsplus);
	s->code.names = AT(PyCodeObject, co_localsplusnames);
	s->code.kinds = AT(PyCodeObject, co_localspluskinds);
	s->frame.space = AT(_PyInterpreterFrame, f_locals);
	s->frame.locals = AT(_PyInterpreterFrame, localsplus);
	s->frame.top_is_depth = 0;
#endif
}

static void
find_shape(struct shape *s)
{
	memset(s, 0xff, sizeof *s); /* all is ABSENT */
	find_shape_of_frame(s);
	s->code.argcount = AT(PyCodeObject, co_argcount);
	s->code.stacksize = AT(PyCodeObject, co_stacksize);
	s->code.flags = AT(PyCodeObject, co_flags);
	s->items = AT(PyTupleObject, ob_item);
#if PY_VERSION_HEX >= 0x03090000 && SIZEOF_VOID_P == 8
	s->collecting = AT(PyInterpreterState, gc.collecting);
#endif
	s->type_dict = AT(PyTypeObject, tp_dict);
	s->type_base = AT(PyTypeObject, tp_base);
	s->lone_comma = PY_VERSION_HEX < 0x03070000; /* Objects/exceptions.c */
	/* Python/bytecodes.c, BEFORE_WITH */
	s->with_keeps = PY_VERSION_HEX >= 0x030c0000 && PY_VERSION_HEX < 0x030e0000;
	s->array_quotes = PY_VERSION_HEX < 0x030f0000; /* Objects/bytearrayobject.c */
#if PY_VERSION_HEX < 0x03000000
	s->function = AT(PyFunctionObject, func_name);
	s->generator = AT(PyGenObject, gi_code);
	s->type_name = AT(PyHeapTypeObject, ht_name);
#else
	s->code.kwonly = AT(PyCodeObject, co_kwonlyargcount);
	s->function = AT(PyFunctionObject, func_qualname);
	s->generator = AT(PyGenObject, gi_qualname);
	s->type_name = AT(PyHeapTypeObject, ht_qualname);
#endif
}

/* Debug builds up to 3.7 put two pointers before ob_refcnt. */
static int
shift(void)
{
#if PY_VERSION_HEX < 0x03080000
	return AT(PyObject, ob_refcnt);
#else
	return 0;
#endif
}

static void
print_version(void)
{
	printf("%s%s%s %#x %d\n", PY_VERSION,
#ifdef Py_GIL_DISABLED
	       "t",
#else
	       "",
#endif
#ifdef Py_DEBUG
	       "-debug",
#else
	       "",
#endif
	       (unsigned)PY_VERSION_HEX, shift());
}

static void
print_column(int column)
{
	if (column == ABSENT)
		printf("ABSENT");
	else if (column == NO_SHIMS)
		printf("NO_SHIMS");
	else
		printf("%d", column);
}

/* MACRO(column, ...), with the text after it. */
static void
print_columns(const char *macro, const char *after, int n, ...)
{
	va_list list;

	va_start(list, n);
	printf("%s(", macro);
	for (int i = 0; i < n; i++) {
		if (i)
			printf(", ");
		print_column(va_arg(list, int));
	}
	printf(")%s", after);
	va_end(list);
}

static void
print_kinds(const struct layout *l)
{
	printf("%s, %s, %s,\n\t      %s, %s, %s, %s),\n\t  ", frames_names[l->frames],
	       live_names[l->live], instr_names[l->instr], lines_names[l->lines], text_names[l->text],
	       dicts_names[l->dicts], attrs_names[l->attrs]);
}

#if PY_VERSION_HEX < 0x030d0000

static void
print_offsets(void)
{
}

static void
print_words(void)
{
}

static void
print_row(const struct layout *l)
{
	int micro = l->ptr == 8 && (PY_VERSION_HEX >> 16) == 0x0307 && PY_MICRO_VERSION >= 4 ? 4 : 0;

	printf("\t{ ROW(%d, %d, %d, %d, ", PY_MAJOR_VERSION, PY_MINOR_VERSION, micro, l->ptr);
	print_column(l->shim_owner);
	printf(", ");
	print_kinds(l);
	print_columns("RUNTIME", ", ", 3, l->runtime.interpreters, l->runtime.current,
	              l->runtime.main_after);
	print_columns("INTERP", ", ", 5, l->interp.next, l->interp.id, l->interp.threads,
	              l->interp.gil, l->interp.modules);
	print_columns("GIL", ",\n\t  ", 2, l->gil.holder, l->gil.locked);
	print_columns("THREAD", ", ", 8, l->thread.next, l->thread.interp, l->thread.frame,
	              l->thread.thread_id, l->thread.native_id, l->thread.stack, l->thread.root,
	              l->thread.base_shims);
	print_columns("CFRAME", ",\n\t  ", 2, l->cframe.frame, l->cframe.previous);
	print_columns("FRAME", ",\n\t  ", 9, l->frame.size, l->frame.code, l->frame.back,
	              l->frame.instr, l->frame.owner, l->frame.live, l->frame.entry,
	              l->frame.locals, l->frame.generator_owner);
	print_columns("CODE", ",\n\t  ", 10, l->code.firstlineno, l->code.filename, l->code.name,
	              l->code.qualname, l->code.linetable, l->code.instructions, l->code.traceable,
	              l->code.id_from, l->code.id_to, l->code.id_unique);
	print_columns("OBJECT", ", ", 3, l->object.type, l->object.head, l->object.dict_before);
	print_columns("UNICODE", ", ", 6, l->unicode.length, l->unicode.state, l->unicode.hash,
	              l->unicode.ascii, l->unicode.compact, l->unicode.kind_at);
	print_columns("BYTES", ",\n\t  ", 2, l->bytes.length, l->bytes.data);
	print_columns("TYPE", ", ", 6, l->type.name, l->type.flags, l->type.basicsize,
	              l->type.dictoffset, l->type.cached_keys, (int)l->type.managed_dict);
	print_columns("DICT", ",\n\t  ", 3, l->dict.keys, l->dict.values, l->dict.first_value);
	print_columns("INTEGER", " },\n", 3, l->integer.digits, l->integer.count_shift,
	              l->integer.bits);
}

#else

#if PY_VERSION_HEX < 0x030e0000
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static _PyRuntimeState state = _PyRuntimeState_INIT(state, "xdebugpy");
#pragma GCC diagnostic pop
#else
static struct {
	_Py_DebugOffsets debug_offsets;
} state = { _Py_DebugOffsets_INIT("xdebugpy") };
#endif

static void
print_offsets(void)
{
	fwrite(&state.debug_offsets, sizeof state.debug_offsets, 1, stdout);
}

/* Where in it each word is; 0: this release does not have it. */
#define INDEX(name, member) W_##name,
#define POSITION(name, member) [W_##name] = AT(_Py_DebugOffsets, member),
enum { WORDS(INDEX) W_COUNT };
static const int words[W_COUNT] = {
	WORDS_3_13(POSITION)
#if PY_VERSION_HEX >= 0x030e0000
	WORDS_3_14(POSITION)
#endif
#if PY_VERSION_HEX >= 0x030f0000
	WORDS_3_15(POSITION)
#endif
};

static void
print_words(void)
{
#define PRINT_WORD(name, member) printf("word." #name "=%d\n", words[W_##name]);
	WORDS(PRINT_WORD)
}

static void
print_row(const struct layout *l)
{
	const int *w = words;

	printf("\t{ SELF(%d, %d, %d, %u, ", PY_MINOR_VERSION, l->free_threaded, l->shim_owner, l->tags);
	print_kinds(l);
	print_columns("SELF_INTERP", ", ", 8, w[W_RUNTIME_INTERPRETERS], w[W_INTERP_SIZE],
	              w[W_INTERP_ID], w[W_INTERP_NEXT], w[W_INTERP_THREADS], w[W_INTERP_MODULES],
	              w[W_INTERP_GIL], w[W_INTERP_GENERATION]);
	print_columns("SELF_GIL", ",\n\t  ", 3, l->gil.holder, l->gil.locked, l->gil.enabled);
	print_columns("SELF_THREAD", ",\n\t  ", 11, w[W_THREAD_SIZE], w[W_THREAD_NEXT],
	              w[W_THREAD_INTERP], w[W_THREAD_FRAME], w[W_THREAD_BASE], w[W_THREAD_ID],
	              w[W_THREAD_NATIVE_ID], w[W_THREAD_STATUS],
	              l->thread.state - AT(PyThreadState, _status), l->thread.attached,
	              l->thread.base_shims);
	print_columns("SELF_FRAME", ",\n\t  ", 9, w[W_FRAME_SIZE], w[W_FRAME_BACK], w[W_FRAME_CODE],
	              w[W_FRAME_INSTR], w[W_FRAME_OWNER], w[W_FRAME_LOCALS],
	              w[W_FRAME_STACKPOINTER], w[W_FRAME_TLBC], l->frame.generator_owner);
	print_columns("SELF_CODE", ",\n\t  ", 9, w[W_CODE_SIZE], w[W_CODE_FILENAME], w[W_CODE_NAME],
	              w[W_CODE_QUALNAME], w[W_CODE_LINETABLE], w[W_CODE_FIRSTLINENO],
	              w[W_CODE_INSTRUCTIONS], w[W_CODE_TLBC],
	              l->code.instructions - l->code.traceable);
	print_columns("SELF_OBJECT", ", ", 3, w[W_OBJECT_HEAD], w[W_OBJECT_TYPE],
	              l->object.dict_before);
	print_columns("SELF_UNICODE", ",\n\t  ", 4, w[W_UNICODE_STATE], w[W_UNICODE_LENGTH],
	              w[W_UNICODE_ASCII], l->unicode.kind_at);
	print_columns("SELF_BYTES", ", ", 2, w[W_BYTES_LENGTH], w[W_BYTES_DATA]);
	print_columns("SELF_TYPE", ",\n\t  ", 6, w[W_TYPE_SIZE], w[W_TYPE_NAME], w[W_TYPE_FLAGS],
	              l->type.cached_keys - l->type.name, (int)l->type.managed_dict,
	              (int)l->type.inline_values);
	print_columns("SELF_DICT", ", ", 2, w[W_DICT_KEYS], w[W_DICT_VALUES]);
	print_columns("SELF_INTEGER", " },\n", 3, w[W_LONG_DIGITS], l->integer.count_shift,
	              l->integer.bits);
}

#endif

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	struct layout layout;
	struct shape shape;

	memset(&layout, 0xff, sizeof layout); /* all is ABSENT */
	find_objects(&layout);
	find_code(&layout);
	find_frame(&layout);
	find_thread(&layout);
	find_interpreter(&layout);
#ifdef Py_GIL_DISABLED
	layout.free_threaded = 1;
#else
	layout.free_threaded = 0;
#endif

	if (strcmp(what, "version") == 0) {
		print_version();
	} else if (strcmp(what, "offsets") == 0) {
		print_offsets();
	} else if (strcmp(what, "values") == 0) {
		print_layout(&layout);
		find_shape(&shape);
		print_shape(&shape);
		print_words();
	} else {
		print_row(&layout);
	}
	return 0;
}
