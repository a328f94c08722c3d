/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_CODE_H
#define NATIVE_CODE_H

/* What a program's instructions say of its stack, where its tables do not. */

struct copy;
struct machine;
struct mem;
struct regs;
struct row;
struct rules;

/* Whether what stands before that address is a call. */
int code_follows_call(struct mem *, uint64_t pc);

/* A step for code that no table describes, in the middle of a call: by the instructions that it
 * will leave the function with, if these come at once, or by the frame pointer, if it leads to
 * what can only be a return address.  is_code: whether there is code at an address. */
enum step code_unwind(const struct machine *, struct mem *, int (*is_code)(void *, uint64_t pc),
                      void *context, const struct copy *, struct regs *);

/* Where the caller's stack begins by a row that counts it from the frame pointer, which is not
 * known: the function keeps registers below that, as the row says, and takes room for its
 * variables, as its first instructions do.  0, or -1 if that does not lead to what can only be a
 * frame. */
int code_find_frame(const struct machine *, struct mem *, const struct row *, const struct rules *,
                    const struct copy *, uint64_t sp, uint64_t pc, uint64_t *cfa);

#endif
