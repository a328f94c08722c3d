/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COPY_H
#define COPY_H

/* The bytes of a C stack as they were copied, and what a step up in it can come to. */

struct machine;
struct regs;

/* The bytes of a stack as they were copied. */
struct copy {
	uint64_t at;
	const unsigned char *bytes;
	size_t len;
};

/* A word of it: 0, or -1 if it is not there. */
int copy_word(const struct copy *, uint64_t addr, unsigned word, uint64_t *value);

enum step { STEP_DONE, STEP_OUTERMOST, STEP_LOST, STEP_BEYOND /* what was copied */ };

/* The same for what is to be a word of the stack. */
enum step copy_step(const struct machine *, const struct copy *, uint64_t addr, uint64_t *value);

/* Ends a step: has the registers go on at that address, in a caller that has to be on this stack,
 * above what the callee, of which they were, had of it.  interrupted: that may have had none. */
enum step copy_arrive(const struct machine *, const struct copy *, struct regs *,
                        const struct regs *before, uint64_t pc, int interrupted);

#endif
