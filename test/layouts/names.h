/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NAMES_H
#define NAMES_H

/*
 * What the two programs that are compared have in common: the names of all
 * members of struct layout and of struct shape, and of all words of _Py_DebugOffsets, and how they
 * are printed, one NAME=VALUE a line.
 */
#include <stdint.h>
#include <stdio.h>

#include "../../util.h"
#include "../../layouts.h"
#include "../../values/shapes.h"

#define KIND_MEMBERS(M) \
	M(frames) M(live) M(instr) M(lines) M(text) M(dicts) M(attrs)

#define MEMBERS(M) \
	M(ptr) M(free_threaded) M(shim_owner) M(tags) \
	M(runtime.interpreters) M(runtime.current) M(runtime.main_after) \
	M(interp.next) M(interp.id) M(interp.threads) M(interp.gil) M(interp.generation) \
	M(interp.modules) \
	M(gil.holder) M(gil.locked) M(gil.enabled) \
	M(thread.next) M(thread.interp) M(thread.frame) M(thread.thread_id) \
	M(thread.native_id) M(thread.state) M(thread.base) M(thread.stack) M(thread.root) \
	M(thread.attached) M(thread.base_shims) \
	M(cframe.frame) M(cframe.previous) \
	M(frame.size) M(frame.code) M(frame.back) M(frame.instr) M(frame.owner) M(frame.tlbc) \
	M(frame.live) M(frame.entry) M(frame.locals) M(frame.generator_owner) \
	M(code.firstlineno) M(code.filename) M(code.name) M(code.qualname) M(code.linetable) \
	M(code.instructions) M(code.traceable) M(code.tlbc) M(code.nlocals) \
	M(code.id_from) M(code.id_to) M(code.id_unique) \
	M(object.type) M(object.head) M(object.dict_before) \
	M(unicode.length) M(unicode.state) M(unicode.hash) M(unicode.ascii) M(unicode.compact) \
	M(unicode.kind_at) \
	M(bytes.length) M(bytes.data) \
	M(type.name) M(type.flags) M(type.basicsize) M(type.dictoffset) M(type.cached_keys) \
	M(type.managed_dict) M(type.inline_values) \
	M(dict.keys) M(dict.values) M(dict.first_value) \
	M(integer.digits) M(integer.count_shift) M(integer.bits)

/* Every member is an int or as long as one; "since" is none of these. */
#define COUNT(member) + 1
_Static_assert(sizeof(struct layout) == sizeof(int) * (1 KIND_MEMBERS(COUNT) MEMBERS(COUNT)),
               "struct layout has members that are not named here");

/* The words of _Py_DebugOffsets, by the release that brought them. */
#define WORDS_3_13(W) \
	W(RUNTIME_INTERPRETERS, runtime_state.interpreters_head) \
	W(INTERP_SIZE, interpreter_state.size) \
	W(INTERP_ID, interpreter_state.id) \
	W(INTERP_NEXT, interpreter_state.next) \
	W(INTERP_THREADS, interpreter_state.threads_head) \
	W(INTERP_MODULES, interpreter_state.imports_modules) \
	W(INTERP_GIL, interpreter_state.ceval_gil) \
	W(THREAD_SIZE, thread_state.size) \
	W(THREAD_NEXT, thread_state.next) \
	W(THREAD_INTERP, thread_state.interp) \
	W(THREAD_FRAME, thread_state.current_frame) \
	W(THREAD_ID, thread_state.thread_id) \
	W(THREAD_NATIVE_ID, thread_state.native_thread_id) \
	W(THREAD_STATUS, thread_state.status) \
	W(FRAME_SIZE, interpreter_frame.size) \
	W(FRAME_BACK, interpreter_frame.previous) \
	W(FRAME_CODE, interpreter_frame.executable) \
	W(FRAME_INSTR, interpreter_frame.instr_ptr) \
	W(FRAME_OWNER, interpreter_frame.owner) \
	W(FRAME_LOCALS, interpreter_frame.localsplus) \
	W(CODE_SIZE, code_object.size) \
	W(CODE_FILENAME, code_object.filename) \
	W(CODE_NAME, code_object.name) \
	W(CODE_QUALNAME, code_object.qualname) \
	W(CODE_LINETABLE, code_object.linetable) \
	W(CODE_FIRSTLINENO, code_object.firstlineno) \
	W(CODE_INSTRUCTIONS, code_object.co_code_adaptive) \
	W(OBJECT_HEAD, pyobject.size) \
	W(OBJECT_TYPE, pyobject.ob_type) \
	W(TYPE_SIZE, type_object.size) \
	W(TYPE_NAME, type_object.tp_name) \
	W(TYPE_FLAGS, type_object.tp_flags) \
	W(DICT_KEYS, dict_object.ma_keys) \
	W(DICT_VALUES, dict_object.ma_values) \
	W(LONG_DIGITS, long_object.ob_digit) \
	W(BYTES_LENGTH, bytes_object.ob_size) \
	W(BYTES_DATA, bytes_object.ob_sval) \
	W(UNICODE_STATE, unicode_object.state) \
	W(UNICODE_LENGTH, unicode_object.length) \
	W(UNICODE_ASCII, unicode_object.asciiobject_size)
#define WORDS_3_14(W) \
	W(INTERP_GENERATION, interpreter_state.code_object_generation) \
	W(FRAME_STACKPOINTER, interpreter_frame.stackpointer) \
	W(FRAME_TLBC, interpreter_frame.tlbc_index) \
	W(CODE_TLBC, code_object.co_tlbc)
#define WORDS_3_15(W) \
	W(THREAD_BASE, thread_state.base_frame)
#define WORDS(W) WORDS_3_13(W) WORDS_3_14(W) WORDS_3_15(W)

static const char *const frames_names[] = { "FRAMES_HEAP", "FRAMES_CFRAME", "FRAMES_CURRENT" };
static const char *const live_names[] = {
	"LIVE_REFCOUNT", "LIVE_STACKTOP", "LIVE_STACKPOINTER",
};
static const char *const instr_names[] = { "INSTR_BYTES", "INSTR_UNITS", "INSTR_PTR" };
static const char *const lines_names[] = {
	"LINES_LNOTAB_U8", "LINES_LNOTAB", "LINES_RANGES", "LINES_LOCATIONS",
};
static const char *const text_names[] = { "TEXT_BYTES", "TEXT_UNICODE" };
static const char *const dicts_names[] = { "DICT_TABLE", "DICT_COMPACT", "DICT_LOG2" };
static const char *const attrs_names[] = {
	"ATTRS_DICT", "ATTRS_PAIR", "ATTRS_TAGGED", "ATTRS_INLINE",
};

/* "since" is left out: it is not the release itself, but a row's first. */
static void
print_layout(const struct layout *l)
{
#define PRINT_KIND(member) printf(#member "=%s\n", member##_names[l->member]);
#define PRINT(member) printf(#member "=%d\n", (int)l->member);
	KIND_MEMBERS(PRINT_KIND)
	MEMBERS(PRINT)
}

#define SHAPE_MEMBERS(M) \
	M(code.argcount) M(code.kwonly) M(code.nlocals) M(code.stacksize) M(code.flags) \
	M(code.names) M(code.kinds) M(code.cells) M(code.frees) \
	M(frame.space) M(frame.locals) M(frame.top) M(frame.stack) M(frame.top_is_depth) \
	M(items) M(function) M(generator) M(type_dict) M(type_base) M(type_name) M(collecting) \
	M(lone_comma) M(with_keeps) M(array_quotes)

#define SHAPE_MEMBER_SIZE(member) + sizeof(((struct shape *)0)->member)
_Static_assert(sizeof(struct shape) == 0 SHAPE_MEMBERS(SHAPE_MEMBER_SIZE),
               "a member of struct shape is not named here");

static void
print_shape(const struct shape *s)
{
#define PRINT_SHAPE(member) printf("shape." #member "=%d\n", s->member);
	SHAPE_MEMBERS(PRINT_SHAPE)
}

#endif
