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
	TEXT_BYTES,   /* 2.7: str is bytes */
	TEXT_UNICODE, /* PEP 393, state bit-fields in one 32-bit word */
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

/*
 * After each member: the member of CPython's structure, or the constant, that it
 * is.  "3.12: x" means from 3.12 on, "-3.11: x" up to 3.11; without either it is
 * the same in all versions, and where none is given it is ABSENT.
 */
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
	int shim_owner; /* frames of this owner and above are not Python's;
	                 * 3.12: FRAME_OWNED_BY_CSTACK, 3.14: FRAME_OWNED_BY_INTERPRETER */
	unsigned tags;  /* bits of f_executable that are not address; 3.14: Py_TAG_BITS */

	struct {                  /* _PyRuntimeState, 3.7 */
		int interpreters; /* interpreters.head */
		int current;      /* -3.11: gilstate.tstate_current, of the thread with the GIL, as far
		                   * as is known; it lies after structures of the C library */
		int main_after;   /* -3.11: gilstate.autoInterpreterState, the main interpreter:
		                   * how far after current */
	} runtime;

	struct {                /* PyInterpreterState */
		int next;       /* next */
		int id;         /* 3.7: id */
		int threads;    /* -3.10: tstate_head, 3.11: threads.head */
		int gil;        /* 3.12: ceval.gil */
		int generation; /* 3.14: _code_object_generation */
		int modules;    /* -3.11: modules, 3.12: imports.modules */
	} interp;

	struct {             /* struct _gil_runtime_state, 3.12 */
		int holder;  /* last_holder */
		int locked;  /* locked */
		int enabled; /* enabled, of free-threaded builds */
	} gil;

	struct {                /* PyThreadState */
		int next;       /* next */
		int interp;     /* interp */
		int frame;      /* -3.10: frame, 3.11: cframe, 3.13: current_frame */
		int thread_id;  /* thread_id */
		int native_id;  /* 3.11: native_thread_id */
		int state;      /* 3.13: state */
		int base;       /* 3.15: base_frame */
		int stack;      /* 3.11, 3.12: datastack_top; datastack_limit comes next */
		int root;       /* 3.11, 3.12: root_cframe, the first _PyCFrame */
		int attached;   /* the value of state: 3.13: _Py_THREAD_ATTACHED */
		int base_shims; /* how many shims lie at the root of every stack: 3.12: 1, and 3.15:
		                 * base_frame and the one that is entered from there */
	} thread;

	struct {              /* _PyCFrame, 3.11 and 3.12 */
		int frame;    /* current_frame */
		int previous; /* previous */
	} cframe;

	struct {             /* -3.10: PyFrameObject, 3.11: _PyInterpreterFrame */
		int size;    /* up to the last member that is read; 3.11: all but localsplus */
		int code;    /* f_code, 3.13: f_executable */
		int back;    /* -3.10: f_back, 3.11: previous */
		int instr;   /* -3.10: f_lasti, 3.11: prev_instr, 3.13: instr_ptr */
		int owner;   /* 3.11: owner */
		int tlbc;    /* 3.14: tlbc_index, of free-threaded builds */
		int live;    /* -3.10: ob_base.ob_refcnt, 3.11: stacktop, 3.14: stackpointer */
		int entry;   /* 3.11 alone: is_entry */
		int locals;  /* 3.11: localsplus */
		int generator_owner; /* the value of owner: 3.11: FRAME_OWNED_BY_GENERATOR */
	} frame;

	struct {                  /* PyCodeObject */
		int firstlineno;  /* co_firstlineno */
		int filename;     /* co_filename */
		int name;         /* co_name */
		int qualname;     /* 3.11: co_qualname */
		int linetable;    /* -3.9: co_lnotab, 3.10: co_linetable */
		int instructions; /* 3.11: co_code_adaptive */
		int traceable;    /* 3.11: _co_firsttraceable */
		int tlbc;         /* 3.14: co_tlbc, of free-threaded builds */
		int nlocals;      /* 3.13: co_nlocalsplus */
		int id_from;      /* the bytes from here on (co_firstlineno; 2.7: co_code)... */
		int id_to;        /* ...up to the end of linetable tell one object from another */
		int id_unique;    /* they hold a number never used twice; 3.12: co_version */
	} code;

	struct {                 /* PyObject */
		int type;        /* ob_type */
		int head;        /* the size of it */
		int dict_before; /* how far before an object of type.managed_dict its dict is; 3.11:
		                  * MANAGED_DICT_OFFSET, negated (3.12 has no name for it) */
	} object;

	struct {             /* PyASCIIObject, 3.6 */
		int length;  /* length */
		int state;   /* state */
		int hash;    /* hash */
		int ascii;   /* the size of it: here ASCII text begins */
		int compact; /* the size of PyCompactUnicodeObject: here other text begins */
		int kind_at; /* the bit of state at which state.kind begins: three bits, after
		              * which state.compact and state.ascii are one each */
	} unicode;

	struct {            /* PyBytesObject */
		int length; /* ob_base.ob_size */
		int data;   /* ob_sval */
	} bytes;

	struct {                 /* PyTypeObject */
		int name;        /* tp_name */
		int flags;       /* tp_flags */
		int basicsize;   /* tp_basicsize */
		int dictoffset;  /* tp_dictoffset */
		int cached_keys; /* 3.11: ht_cached_keys, of PyHeapTypeObject */
		unsigned managed_dict;  /* 3.11: Py_TPFLAGS_MANAGED_DICT, else 0 */
		unsigned inline_values; /* 3.13: Py_TPFLAGS_INLINE_VALUES, else 0 */
	} type;

	struct {                 /* PyDictObject */
		int keys;        /* 2.7: ma_mask, 3.6: ma_keys */
		int values;      /* 2.7: ma_table, 3.6: ma_values */
		int first_value; /* within what ma_values points to; 3.11: PyDictValues.values */
	} dict;

	struct {                 /* 2.7: PyIntObject, 3.6: PyLongObject */
		int digits;      /* 2.7: ob_ival, 3.6: ob_digit, 3.12: long_value.ob_digit */
		int count_shift; /* ABSENT: it is a C long; 3.6: 0, 3.12: _PyLong_NON_SIZE_BITS */
		int bits;        /* of a digit, 15 (in two bytes) or 30: 3.6: PyLong_SHIFT */
	} integer;
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

/* Where a code object has its co_flags, in releases of which that has to be known: where
 * throw() puts a generator that delegates on the stack by hand, and for some instructions
 * its frame leads nowhere.  ABSENT: it is another one. */
int layout_flags(const struct layout *);

/* The versions supported, in words: "2.7, 3.6 to 3.15". */
extern const char layouts_supported[];

#endif
