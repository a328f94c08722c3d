/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LAYOUTS_H
#define LAYOUTS_H

/*
 * Where CPython keeps what a profiler needs: byte offsets, and kinds for what
 * an offset cannot say.  One row describes one range of versions; a target's
 * own row is a copy, completed from the target itself where it describes
 * itself (3.13 and later).
 */

enum {
	ABSENT = -1,       /* the offset of a field that this version lacks */
	NO_SHIMS = 0x7fff, /* shim_owner where all frames are Python's */
};

enum frame_kind {
	FRAMES_HEAP,    /* thread -> PyFrameObject -> f_back */
	FRAMES_CFRAME,  /* thread -> _PyCFrame on the C stack -> _PyInterpreterFrame */
	FRAMES_CURRENT, /* thread -> _PyInterpreterFrame */
};

enum live_kind { /* how a frame shows what it is doing */
	LIVE_REFCOUNT,     /* ob_refcnt: 0 is gone */
	LIVE_STACKTOP,     /* an index: -1 executes, else calls or is gone */
	LIVE_STACKPOINTER, /* a pointer: NULL executes; to the locals: is gone */
};

enum instr_kind {
	INSTR_BYTES, /* f_lasti counts bytes */
	INSTR_UNITS, /* f_lasti counts code units of two bytes */
	INSTR_PTR,   /* a pointer into the code object's instructions */
};

enum line_kind {
	LINES_LNOTAB_U8, /* pairs, line deltas unsigned */
	LINES_LNOTAB,    /* pairs, line deltas signed */
	LINES_RANGES,    /* PEP 626 pairs: ranges, -128 is "no line" */
	LINES_LOCATIONS, /* PEP 657 variable-length entries */
};

enum text_kind {
	TEXT_BYTES,    /* 2.7: str is bytes */
	TEXT_UNICODE,  /* PEP 393, state bit-fields in one 32-bit word */
	TEXT_UNICODE8, /* the same, shifted up by one byte (3.14t) */
};

enum dict_kind {
	DICT_TABLE,   /* 2.7: open table */
	DICT_COMPACT, /* 3.6: dk_size, entries of three words */
	DICT_LOG2,    /* 3.11: dk_log2_*, entries of two or three words */
};

enum attr_kind {
	ATTRS_DICT,   /* a dict at tp_dictoffset */
	ATTRS_PAIR,   /* 3.11: values before the object, then dict */
	ATTRS_TAGGED, /* 3.12: one word, low bit set means values */
	ATTRS_INLINE, /* 3.13: dict before the object, else values inside it */
};

struct layout {
	unsigned since;    /* PY_VERSION_HEX of the first release that it fits */
	int ptr;           /* bytes in a pointer */
	int free_threaded; /* a build without a GIL */
	enum frame_kind frames;
	enum live_kind live;
	enum instr_kind instr;
	enum line_kind lines;
	enum text_kind text;
	enum dict_kind dicts;
	enum attr_kind attrs;
	int shim_owner;     /* frames of this owner and above are not Python's */
	unsigned tags;       /* bits of f_executable that are not address */

	/* current: of the thread with the GIL, as far as is known; it lies behind
	 * structures of the C library.  main_after: how far behind it there is a
	 * pointer to the main interpreter. */
	struct { int interpreters, current, main_after; } runtime;
	struct { int next, threads, gil, generation, modules; } interp;
	struct { int holder, locked, enabled; } gil;
	/* stack: the top of the data stack, then its limit.  root: the first _PyCFrame. */
	struct { int next, interp, frame, thread_id, native_id, state, base, stack, root; } thread;
	struct { int frame, previous; } cframe;
	struct { int size, code, back, instr, owner, tlbc, live, entry, locals; } frame;
	struct {
		int firstlineno, filename, name, qualname, linetable;
		int instructions, traceable, tlbc, nlocals;
		int id_from, id_to; /* bytes that tell one code object from another */
		int id_unique;      /* those bytes hold a number never used twice */
	} code;
	struct { int type, head; } object; /* head: the whole of PyObject_HEAD */
	struct { int length, state, hash, ascii, compact; } unicode;
	struct { int length, data; } bytes;
	struct { int name, flags, basicsize, dictoffset, cached_keys; } type;
	struct { int keys, values, first_value; } dict;
	/* count_shift: ABSENT is a C long; bits: of a digit, 15 (in two bytes) or 30 */
	struct { int digits, count_shift, bits; } integer;
};

/* Finds the row for a release (PY_VERSION_HEX), that width of pointers and that
 * machine, an e_machine of ELF.  0, or -1 if there is none. */
int layout_find(unsigned hex, int ptr, int machine, struct layout *out);

/* Whether that release can be read, by a row or because it describes itself. */
int layout_known(unsigned hex);

/* How many bytes from the start of _PyRuntime layout_from_debug_offsets takes: more
 * than the _Py_DebugOffsets of any release, less than _PyRuntime. */
enum { DEBUG_OFFSETS_SIZE = 1024 };

/*
 * Fills *out for a target that describes itself, from the len bytes of its
 * _Py_DebugOffsets, read as those of release hex with pointers of ptr bytes.
 * 0, or -1 if they hold too little or an impossible value; *out is untouched then.
 */
int layout_from_debug_offsets(struct layout *out, const void *bytes, size_t len, unsigned hex,
                              int ptr);

/* How many bytes of a structure have those fields in them, each a word at most;
 * ABSENT ones need none. */
size_t layout_words(const struct layout *, const int *fields, size_t n);

/* How many bytes a debug build puts before the fields of every object: two
 * pointers up to 3.7 (Py_TRACE_REFS), none later. */
int layout_debug_shift(const struct layout *);

/* Moves every field of an object by delta bytes. */
void layout_shift_objects(struct layout *, int delta);

/* The versions supported, in words: "2.7, 3.6 to 3.15". */
extern const char layouts_supported[];

#endif
