/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KERNEL_NEWS_H
#define KERNEL_NEWS_H

/*
 * What becomes of processes, as the kernel tells it at once, to whoever may read them and
 * has perf_event_paranoid at 2 or below: nobody has to look for children then.
 */

enum news_kind {
	NEWS_FORKED,   /* by `parent`; it may have that one's memory */
	NEWS_EXECUTED, /* something else */
	NEWS_ENDED,    /* or its main thread */
	NEWS_LOST,     /* there have been more than were heeded: look for yourself */
};

struct news {
	enum news_kind kind;
	int pid, parent;
	int64_t time; /* now_ns() */
};

#ifdef WITHOUT_kernel

enum { HAS_NEWS = 0 };

static inline void
news_open(const int *pids, size_t n)
{
	(void)pids;
	(void)n;
}

static inline int
news_is_open(void)
{
	return 0;
}

static inline int
news_any(void)
{
	return 0;
}

static inline int
news_next(struct news *news)
{
	(void)news;
	return 0;
}

static inline void
news_end(void)
{
}

#else

enum { HAS_NEWS = 1 };

/* Of these processes and all that descend from them, from now on; n is 0: of all there are.  The
 * process that calls it gets SIGCHLD whenever there is any. */
void news_open(const int *pids, size_t n);
int news_is_open(void);

/* Whether there is any to be had; the next one, 0: there is none; and nobody minds any more. */
int news_any(void);
int news_next(struct news *);
void news_end(void);

#endif

#endif
