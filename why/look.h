/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOOK_H
#define LOOK_H

/* All threads of one process at a moment, and what is known of them from a look before. */

struct gil_switches;
struct layout;
struct listing;
struct mem;
struct profile;
struct sampler;
struct thread;
struct values;

/* What a thread waits for, as Python's own structures and frames say. */
enum need_kind {
	NEED_NOTHING,
	NEED_LOCK, NEED_RLOCK, NEED_IMPORT, NEED_JOIN, NEED_FUTURE, /* somebody has, or does it */
	NEED_FUTURES, NEED_CONDITION, NEED_EVENT, NEED_SEMAPHORE, NEED_BARRIER, NEED_ITEM, NEED_ROOM,
	NEED_TASKS, NEED_SEMLOCK,
	NEED_THREADS, /* to end, as a program does that is about to */
	NEED_WORK,    /* as a worker of a pool does */
	NEED_EVENTS,  /* as a loop does: of a server, of asyncio */
};

struct need {
	enum need_kind kind;
	unsigned char seems;   /* that the owner has it is not sure */
	unsigned char several; /* who has it is not sure */
	unsigned char pending; /* a Future that nobody runs */
	unsigned char logging; /* a lock of logging, or of a handler of it */
	raddr key;        /* of two that wait for the same it is the same; 0: not known */
	raddr object;     /* what is waited for */
	uint64_t owner;   /* the ident of the thread that has it; 0: nobody, or not known */
	char *name;       /* of the module, of the thread, the state of a Future; NULL: none */
};

enum { NOBODY = -1 };

struct member { /* one thread; what is asked for most comes first, which makes code smaller */
	struct need need;
	char *name, *wait; /* UTF-8; what the kernel knows of its wait, "" if it runs */
	uint32_t *frames;  /* root first */
	unsigned n;
	int blocker;       /* the member that it waits for, or NOBODY */
	raddr *addresses;
	uint32_t *shown;   /* the same frames, with --native with those of C, root first */
	unsigned n_shown;
	struct thread *thread;
	int tid;
	char state;
	unsigned char main, holds_gil, wants_gil;
	unsigned char wanted_gil;  /* then */
	unsigned char input;       /* it reads what stdin is */
	unsigned char ran_then;    /* it was running, or ready to, at the first look */
	unsigned char same;        /* its stack is the one that it was */
	unsigned char kept_gil;    /* it had the GIL then, and nobody else had it since */
	unsigned char runs_loop;   /* of asyncio, */
	unsigned char blocks_loop; /* and is in the same callback as it was */
	unsigned char handler;     /* of which signal it is in; 0: of none, */
	unsigned handles;          /* and the frame that is it */
	unsigned group;    /* the first with the same stack and wait */
	enum why why;      /* they could not be read */
	uint64_t ident, futex;
	int64_t used;      /* running, since the first look, nanoseconds; -1: not known; */
	int64_t ready;     /* and waiting for a CPU */
	int64_t ran, waited; /* for a CPU, in all, before its stack was read; -1: not known; */
	int64_t asked;       /* when that was */
};

struct before { /* what is remembered of a thread */
	int tid;
	uint32_t stack;
	int64_t ran, waited, asked;
	int held_gil, wanted_gil, ran_then;
	uint64_t turn; /* of its loop */
};

struct crowd { /* the tasks of asyncio */
	size_t n, ready, waiting;
	size_t alike;  /* the most that wait in one place; */
	char *what;    /* what for, and where; NULL: that is not known */
	char *circle;  /* some that await each other, NULL: none do */
};

struct look {
	struct sampler *sampler;
	const struct profile *profile;
	const struct layout *layout;
	struct values *values; /* NULL: of that release nothing is known */
	struct mem *mem;       /* through it */
	struct member *members;
	unsigned n, n_before;
	struct before *before;
	int64_t began, elapsed;    /* the first look; since then, until the last */
	struct gil_switches *switches;
	uint64_t spell;            /* of the GIL, then; 0: not known */
	int64_t cpu, throttled;    /* then; -1: not known */
	int64_t used;              /* CPU time of all meanwhile */
	int64_t held_back;         /* how often the quota of a control group did, meanwhile */
	int collecting;            /* where an interpreter says that it collects garbage, or ABSENT */
	int asked, collected;      /* how often that was asked meanwhile, and was so */
	int frozen;
	struct crowd crowd;
	unsigned searched;         /* for how many locks it was tried to find who has them */
};

/* Looks at a process for the first time; again.  OK, or why its threads can't be listed. */
enum why look_first(struct look *, struct sampler *, const struct profile *);
enum why look_again(struct look *);
void look_free(struct look *);

/* Asks between looks whether garbage is collected. */
void look_glance(struct look *);

/* The member with that ident; NOBODY. */
int look_find(const struct look *, uint64_t ident);

/* Whether it was running at the last look; has run, or wanted to, for a good part of the
 * time since the first. */
int look_runs(const struct member *);
int look_has_run(const struct look *, const struct member *);

/* Whether it has not run since its stack was read, so that all that belongs to it stands. */
int look_stands(const struct member *);

/* Reads the variables of its frames, TORN if it has run. */
void look_locals(const struct member *, struct listing *);

/* Whether the kernel's words for its wait begin so; have that in them. */
int look_waits_in(const struct member *, const char *call);
int look_waits_on(const struct member *, const char *what);

/* Of a frame: whether its file is that one of Python's library, whether its function is called
 * so (the class left out); its file and function with the line, as "app.py:hold:12". */
int look_is_file(const struct look *, uint32_t frame, const char *file);
int look_is_function(const struct look *, uint32_t frame, const char *function);
int look_is_frame(const struct look *, uint32_t frame, const char *file, const char *function);
void look_place(const struct look *, uint32_t frame, struct buf *);

/* Whether a thread that runs is in C, and *frame gets the innermost function there that has a name.
 * Known with --native only. */
int look_c_frame(const struct look *, const struct member *, uint32_t *frame);

/* Whether a frame is of the program's own. */
int look_is_own(const struct look *, uint32_t frame);

/* Appends where a thread is: its innermost frame, and if that is of the library, who called;
 * alone, if what was called is known. */
void look_where(const struct look *, const struct member *, struct buf *);

/* The innermost frame that is of the program's own, if any is; else the innermost. */
unsigned look_own_frame(const struct look *, const struct member *);

/* Of strings that stand one after the other, each with its zero byte, the one of that number. */
const char *look_string(const char *strings, unsigned number);

#endif
