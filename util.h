/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UTIL_H
#define UTIL_H

/* What everything uses: remote addresses, reasons, messages, memory, bytes. */

/* An address in the target.  An integer, so that nobody can follow it here. */
typedef uint64_t raddr;

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Why something about the target could not be had.  The order is that of the
 * counts printed by --stats. */
enum why {
	OK,
	GONE,   /* the process or thread does not exist any more */
	DENIED, /* the kernel refuses access to it */
	FAULT,  /* nothing is mapped at that address */
	TORN,   /* it changed while it was read */
	BROKEN, /* what is there is not what it should be */
	CYCLE,  /* a linked list came back to where it was */
	DEEP,   /* more than any real program has */
	WHY_COUNT,
	/* Never counted themselves: */
	AGAIN,  /* what was read is right but incomplete; to be read again */
	COUNTED, /* it failed for reasons that have been counted one by one */
};

/* One word for a reason that is counted. */
const char *why_word(enum why);

enum status {
	DONE = 0,
	FAILURE = 1,
	USAGE = 2,
	NOT_PYTHON = 3,
	NOT_PERMITTED = 4,
	NO_PROCESS = 5,
	CANNOT_EXECUTE = 126,
	NOT_FOUND = 127,
};

/* Prints "pyflame: MESSAGE" on stderr; a message that ends in ':' gets the
 * text of errno appended.  die() exits with status after that, and where that is USAGE
 * says how to get help. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void die(enum status, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void die_out_of_memory(void);

/* Memory or death; n members of size bytes, the product checked. */
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *, size_t n, size_t size);

/* Makes room for one more member in a growing array of n members: returns
 * array, moved if need be, with *cap updated. */
void *grow(void *array, size_t n, size_t *cap, size_t size);

/* A copy to be freed; NULL of NULL. */
char *copy_text(const char *);

/* A growing run of bytes.  All zero is an empty one; buf_free ends it.
 * Formats know %s %.*s %c %d %u %x with l, ll, z and a width of zeros (%02x),
 * and nothing else: the C library's printf is a tenth of the binary. */
struct buf {
	char *data;
	size_t len, cap;
	void (*drain)(const char *bytes, size_t len); /* NULL: all is kept */
};

/* One with a drain is a stream: when it has more than this it hands that on, but
 * for the last byte; who made it hands on the rest. */
enum { BUF_FULL = 64 << 10 };
void buf_add(struct buf *, const void *bytes, size_t len);
void buf_str(struct buf *, const char *);

/* Appends a character's code as UTF-8; that of a lone surrogate likewise. */
void buf_utf8(struct buf *, uint32_t code);

/* The length of the UTF-8 sequence at bytes and the character's code; 0 if it is none. */
size_t utf8_read(const char *bytes, size_t left, uint32_t *code);

/* Whether a character is not one to be seen, but acts on what shows it: controls a terminal,
 * ends a line, or turns the direction of what is around it. */
int is_control(uint32_t code);

/* Appends n bytes (0: one, which is not UTF-8) as \xNN.  How many that were. */
size_t buf_escape(struct buf *, const char *bytes, size_t n);

/* Appends a text that others chose, with all escaped that is a control or not UTF-8. */
void buf_visible(struct buf *, const char *text, size_t len);

/* Appends a time in seconds, to the tenth. */
void buf_seconds(struct buf *, int64_t ns);

/* Puts a zero byte after what is there, which does not count.  Not for streams. */
char *buf_terminate(struct buf *);
void buf_printf(struct buf *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_free(struct buf *);

/* The same into an array, cut to its size and terminated. */
void text_format(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Writes all of it to a descriptor: 0, or -1 with errno set. */
int write_all(int fd, const char *data, size_t len);

/* What fork(2) does, for a program without threads.  (The C library's takes 1.7 KB.) */
int fork_process(void);

/* Sorts as qsort(3) does.  (That takes two kilobytes in the program.) */
void sort(void *, size_t n, size_t size, int (*compare)(const void *, const void *));

/* What comes after the last slash of a path. */
const char *base_name(const char *path);

/* Where the second string begins in the first one; NULL: nowhere. */
char *text_find(const char *text, const char *part);

/* Reads digits of that base at *p and moves *p past them.  0, or -1 if there
 * are none or the number does not fit. */
int parse_digits(const char **p, unsigned base, uint64_t *value);

/* Reads a decimal number, *rest gets what follows it.  0, or -1 if there
 * is none, or one of more digits than any sensible one. */
int parse_decimal(const char *text, double *value, const char **rest);

/* A millisecond, in nanoseconds, of which all times are that have no unit in their names. */
#define MS INT64_C(1000000)

/* Monotonic clock, nanoseconds. */
int64_t now_ns(void);

/* CPU time that this process has used, of its own, nanoseconds. */
int64_t cpu_ns(void);

/* A hash of bytes, and of one or two words. */
uint32_t hash_bytes(const void *, size_t len);
uint32_t hash_words(uint64_t, uint64_t);

#endif
