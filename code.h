/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CODE_H
#define CODE_H

/* One code object: what a frame's instruction means in words. */

struct layout;
struct mem;
struct profile;

struct code {
	raddr addr, name, filename, function, linetable; /* objects that it refers to */
	uint32_t file_text, function_text; /* strings of the profile */
	int firstline, locals;
	unsigned char *table; /* of lines */
	size_t table_len;
	int64_t size;      /* of the instructions, bytes; 0: not known */
	int64_t traceable; /* a frame before that offset has not begun */
	raddr *copies;     /* where each copy of the instructions begins */
	size_t n_copies;
};

/* How many bytes of a code object code_parse() needs, from co_firstlineno on or where the
 * layout says; at most CODE_MAX_FIELDS. */
enum { CODE_MAX_FIELDS = 256 };
size_t code_fields_size(const struct layout *);

/* Begins the code object at addr, of whose fields these are the bytes: all that it refers
 * to is known then, and nothing of that read. */
void code_parse(const struct layout *, raddr addr, const unsigned char *fields, struct code *);

/* Reads what it refers to.  A name that can't be read becomes "<unreadable>".
 * Returns how many bytes that were. */
size_t code_decode(struct mem *, const struct layout *, struct profile *, struct code *);
void code_clear(struct code *);

/* Where instructions begin: of the code object itself, or of a thread's copy
 * (free-threaded builds).  0 if that copy can't be found. */
raddr code_instructions(struct mem *, const struct layout *, struct code *, uint32_t copy);

/* How far from there an instruction is, in bytes, by what a frame says of it, see layouts.h. */
int64_t code_offset(struct mem *, const struct layout *, struct code *, uint64_t instr,
                    uint32_t copy);

/* Whether `offset` (bytes, from there) is one that a frame can be at; whether
 * a frame there has not begun yet, so that Python would not show it. */
int code_offset_valid(const struct code *, int64_t offset);
int code_not_begun(const struct code *, int64_t offset);

/* The line of a frame at that offset. */
int code_line(const struct layout *, const struct code *, int64_t offset);

/* The same by the bytes of a line table; offset is in bytes from the first instruction, < 0:
 * none was started yet.  It is firstline where the table has nothing to say. */
int code_table_line(enum line_kind format, const unsigned char *table, size_t len, int firstline,
                    long offset);

#endif
