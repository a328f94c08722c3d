/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CALLS_H
#define CALLS_H

/* System calls in which a thread may wait. */

/* What a call's arguments are about. */
enum call_about {
	CALL_PLAIN,     /* nothing that is looked at */
	CALL_FILE,      /* a descriptor, the first one */
	CALL_SPLICE,    /* two of them, the first and the third */
	CALL_POLL,      /* an array of descriptors, its length, milliseconds */
	CALL_PPOLL,     /* the same with a time's address */
	CALL_SELECT,    /* a number, three sets, the address of seconds and microseconds */
	CALL_PSELECT,   /* the same with nanoseconds */
	CALL_EPOLL,     /* a descriptor; the fourth is milliseconds */
	CALL_EPOLL2,    /* the same with a time's address */
	CALL_FUTEX,     /* an address, an operation, a value, a time's address */
	CALL_FUTEXES,
	CALL_NANOSLEEP, /* a time's address */
	CALL_SLEEP,     /* a clock, flags, a time's address */
	CALL_CHILD,     /* a pid, -1 for any */
	CALL_WAITID,    /* what kind of id, the id */
	CALL_CONNECT,   /* a descriptor, an address and its length */
	CALL_LOCK,      /* a descriptor of a file to be locked */
	CALL_FCNTL,     /* a descriptor and a command, which may be that as well */
	CALL_PATH,      /* a path's address, the first one */
	CALL_PATH_AT,   /* the second one */
	CALL_SIGNAL,    /* any signal */
	CALL_SIGNALS,   /* the address of a set of signals, one, a time's address */
	CALL_FORK,      /* until a child has memory of its own */
	CALL_SOCKETCALL, /* which call on a socket, the address of its arguments */
};

struct call {
	const char *name; /* a short one: "recv" of all calls that receive */
	enum call_about about;
};

/* The call of that number in a program whose pointers have `word` bytes, on this machine.
 * 0 if it is none of those that are known. */
int call_find(unsigned word, int number, struct call *);

#endif
