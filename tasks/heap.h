/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HEAP_H
#define HEAP_H

/* What refers to something, among all memory where objects may be. */

struct layout;
struct mem;
struct proc_maps;

/* Calls each() with the address of every word there that is one of n, whatever it is for.
 * Memory that was never used is not looked at.  OK, or DEEP: that took more than so much CPU
 * time, and not all was looked at. */
typedef void heap_word(void *context, raddr at);
enum why heap_find(int pid, struct mem *, const struct layout *, const struct proc_maps *,
                   const raddr *words, size_t n, int64_t most_ns, heap_word *each, void *context);

#endif
