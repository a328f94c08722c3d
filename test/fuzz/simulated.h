/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIMULATED_H
#define SIMULATED_H

/*
 * A process that is not there: its memory is an array, and what the kernel would
 * say of it is made up.
 */

/* No process has that number: Linux include/linux/threads.h, PID_MAX_LIMIT. */
enum { SIM_ORIGIN = 0x10000, SIM_PID = 5000000 };

struct layout;
struct process;

struct sim {
	unsigned char *bytes;
	size_t size, used;
	size_t heap;                /* from where on it is no file's; 0: all is one's */
	unsigned seed;              /* of what the kernel tells */
	unsigned tasks;             /* threads that it knows */
	uint64_t calls, read, lists; /* reads, bytes, and listings of its threads */
	void (*changed)(void);      /* called before every read */
	unsigned hex;
	int ptr, machine;
	struct layout *l;
	/* Where things are. */
	raddr runtime, holder, code_type, dict_type, str_type, type_type;
};

extern struct sim sim;

/* Begins a process of that many bytes of memory, all zero. */
void sim_begin(size_t size);
void sim_end(void);

/* Opens it, as process_open() does a live one. */
struct process *sim_process(void);

/* Room for len bytes, aligned to 16; 0 if there is none left. */
raddr sim_room(size_t len);

/* Writes, if there is memory at that address. */
void sim_put(raddr, const void *, size_t len);
void sim_byte(raddr, unsigned);
void sim_int(raddr, uint32_t);
void sim_wide(raddr, uint64_t);
void sim_pointer(raddr, raddr); /* of sim.ptr bytes */

/* The pointer there; 0 if there is no memory. */
raddr sim_pointer_at(raddr);

/* How many interpreters can be imitated, and which one from now on; debug: a
 * debug build.  The image that leads to it begins at SIM_ORIGIN. */
unsigned sim_kinds(void);
void sim_python(unsigned kind, int debug);

/* Objects and structures, plausible ones. */
raddr sim_str(const char *text, size_t len);
raddr sim_bytes(const void *, size_t len);
raddr sim_integer(uint64_t);
raddr sim_dict(const raddr *keys, const raddr *values, size_t n);
raddr sim_object(const raddr *names, const raddr *values, size_t n); /* with these attributes */
raddr sim_instance(raddr name, raddr value);
/* sys.modules, with the names of threads by their numbers in Python. */
raddr sim_modules(const raddr *idents, const raddr *names, size_t n);
raddr sim_code(raddr file, raddr function, raddr table, unsigned units);
raddr sim_interpreter(raddr next, raddr modules);
/* Threads go to the front of the interpreter's list.  at: its stack, the oldest
 * first, each frame by its code object. */
raddr sim_thread(raddr interp, unsigned tid, const raddr *codes, size_t n);

/* A frame of 3.11 or later; one of before has less of that.  top: it executes. */
void sim_frame(raddr at, raddr back, raddr code, unsigned instr, int top);

/* Where the words of an object are, the first one being right after its head. */
raddr sim_member(raddr object, unsigned n);

/* Every pointer that was written, in order: where it is. */
raddr sim_slot(size_t i, size_t *n);

#endif
