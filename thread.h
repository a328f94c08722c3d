/* SPDX-License-Identifier: Apache-2.0 */
#ifndef THREAD_H
#define THREAD_H

/* One thread of a target: what the kernel and Python say of it. */

struct buf;
struct gil;
struct proc_times;
struct snap;
struct stack;
struct target;

/* A thread state.  Each part is written by the file that it names, and by no other. */
struct thread {
	/* threads.c: who it is */
	const struct process *process;
	raddr tstate, interp;
	uint64_t ident;      /* what Python calls it: the pthread_t */
	uint64_t native_id;  /* and what Python takes for its tid; 0: it does not say */
	raddr cframe;        /* 3.11, 3.12: the innermost _PyCFrame, which is on the C stack of
	                      * the thread that runs it; 0: it runs no Python */
	int attached;        /* free-threaded: was running Python when last listed */
	struct thread *older, *newer; /* the next state of the same task; NULL: there is none */
	enum { UNLISTED, LISTED, LISTED_NEW } in_list; /* that is being made */

	/* tids.c: what the kernel calls it */
	struct task task;
	int dead;            /* its thread has ended, and left the state behind */
	struct {
		uint64_t native; /* native_id, then */
		int32_t word;    /* see tids.c */
		raddr from, to;  /* the C stack that cframe was on; 0: not asked */
	} placed_by;

	/* thread.c: whether it may run */
	int asked;           /* that, ever */
	int64_t awake_until; /* it may be on a CPU at any tick until then, now_ns() */
	int64_t ran;         /* CPU time that it had used when it was asked last */
	int64_t accounted;   /* the same when sleepers were last looked for */
	int64_t credit;      /* CPU time that it has used and was not sampled for, */
	int64_t used;        /* of as much; 0: not yet looked at */

	/* capture.c: how it holds still, and how much of its C stack is to be copied */
	uint64_t history;    /* of the last 64 samples, 1: not proven at first */
	uint32_t room;       /* bytes, 0: not known yet */
	int64_t rested;      /* how long it had run, and waited for a CPU, when that was copied while
	                      * it waited; 0: it was not */
	int restless;        /* it can't be sampled while it moves */
	int copied;          /* the last sample is the kernel's, and so of a moment ago */
	unsigned copies;     /* samples, to ask now and then whether it still is so */
	uint64_t in_vain;    /* of the last 64 that the kernel was asked for, 1: not taken */
	unsigned so_far;     /* samples since that is so, or not so: from its own CPU, and those that
	                      * were quiet */
	unsigned preempts;   /* after how many of the former it is doubted */
	unsigned resting, rest; /* it is not asked for so many; and the next time */

	/* sample.c: what is sampled of it */
	struct stack *stack; /* NULL: nothing yet */
	uint32_t both;       /* the number of that with its C frames, plus one, while it has rested */
	uint64_t still_since; /* the spell in which its stack was proven last, see threads_spell() */
	uint32_t root;       /* its stacks' in the profile, plus one; 0: none yet */
	int root_tid;        /* the id that is in that one's name */
	uint32_t bare;       /* the same of the stack of moments at which it held the GIL */
	int bare_tid;        /* without a frame, and of whose name is in it */
	int holds_gil;       /* when that was noted last */
	enum { UNASKED, WANTED, UNWANTED } wanted; /* at this tick */
	int64_t periods;     /* with -m cpu: how many of CPU time it has used */
	uint64_t early;      /* the number of the tick at which its stack was read before all else */
	uint64_t counted;    /* the number of the tick at which it was last */
	unsigned char wait;  /* enum profile_wait, as was found last, */
	int64_t wait_until;  /* and if it still waits holds until then, now_ns() */
	int64_t wait_ran;    /* with --waits: the CPU time that it had used before that was found */
	uint32_t wait_frame; /* what says what it waits for, plus one; 0: nothing does */
	uint64_t wait_call;  /* the call that this is about, and until when it is believed, */
	int64_t wait_named;  /* now_ns() */
	uint32_t contender;  /* what is known of its waits for the GIL; 0: nothing */
	struct snap *planned; /* holds the head of its thread state, too, and is read in one
	                       * call with the lists; NULL: there is none */
};

/* Its state as the kernel sees it: 'R' runs or wants to, 'S' and 'D' wait, 'T' and
 * 't' are stopped, 0: not known. */
char thread_state(struct thread *);

/* Whether it is known not to run. */
int thread_is_idle(struct thread *);

/* How long it has run, and waited for a CPU: 0, or -1 if that is not known. */
int thread_times(struct thread *, struct proc_times *);

/*
 * Which tasks of a process are on a CPU: by the time that the scheduler has counted for
 * each, for as many ticks as there were periods of it; and it has to be running, or ready
 * to, now.  It belongs to the task, whatever thread states that has meanwhile; what
 * a task used before it was first seen counts, but not before the first tick.
 * cpu_tick() begins a tick, which stands for `covered` of them, `period` nanoseconds each;
 * cpu_periods() is at most that many.  cpu_settle() says that it has been sampled for these,
 * or (counted: 0) was found without Python frames: what a short thread was not sampled for
 * is counted with others of the kind.
 */
struct cpu;
/* newborn: all that the process has used yet is of interest, and it may end soon. */
struct cpu *cpu_new(const struct process *, int newborn);
void cpu_free(struct cpu *);
void cpu_tick(struct cpu *, int64_t period, int64_t covered);
int64_t cpu_periods(struct cpu *, struct thread *);
void cpu_settle(struct cpu *, const struct thread *, int counted);

/*
 * Threads that sleep need not be asked at each tick whether they run.  One that has used
 * CPU time or was sampled is awake for some seconds; that another one may have woken shows
 * by the CPU time of the process, of which some is of none that is awake.
 */
struct sleepers {
	const struct process *process;
	int64_t looked, used; /* when, and the CPU time of the process then; 0: not yet */
	int64_t surplus;      /* CPU time that is of none that is awake; < 0: it may come */
	int64_t due;          /* they are not to be asked before, as that takes long */
};

/* Whether another window has passed; if so, *woken says whether of n threads some that sleep
 * may have woken: all are to be asked then, which sleepers_asked() is told the time of. */
int sleepers_window(struct sleepers *, struct thread *const *threads, size_t n, int64_t now,
                    int *woken);
void sleepers_asked(struct sleepers *, int64_t began, int64_t ended);

/* Whether it may be on a CPU; rouse: it is asked whether it has woken, too.  known: it
 * is there from the first tick on, and may have slept all the time. */
int thread_is_awake(struct thread *, int64_t now, int rouse, int known);

/* Notes that it was sampled now, for that long.  Whether it has used most of that CPU time which
 * it was not sampled for: else what the kernel calls running is on its way to the GIL, or to
 * a CPU.  known: as above. */
void thread_note_sampled(struct thread *, int64_t now, int64_t ns);
int thread_has_used(struct thread *, int64_t ns, int known);

/* After that said no: whether the scheduler may be late to count what it has used. */
int thread_may_have_used(const struct thread *, int64_t ns);

/* Whether it waits for one of those GILs, as far as that can be known: not up to 3.6. */
int thread_wants_gil(struct thread *, const struct gil *, size_t n);

/* Whether its task had a GIL when that was noted, by the state or one that is newer. */
int thread_holds_gil(const struct thread *);

/* Whether it is the one that the process began with. */
int thread_is_main(const struct thread *);

/* The threads that Python's `threading` knew in one interpreter, at one moment.  All zero is
 * none; thread_names_free ends it. */
struct thread_names {
	struct thread_name *entries; /* by ident */
	size_t n, cap;
};
enum why thread_names_read(const struct target *, raddr interp, struct thread_names *);
void thread_names_free(struct thread_names *);

/* Appends the name that the thread has there: OK, BROKEN if it is not known, or why not. */
enum why thread_names_find(const struct target *, const struct thread_names *, uint64_t ident,
                           struct buf *);

/* Appends its name as the kernel has it, or a word for none. */
void thread_kernel_name(const struct thread *, struct buf *);

#endif
