/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UNWIND_H
#define UNWIND_H

/* One step from a function's frame on the C stack to its caller's. */

struct copy;
struct machine;
struct mem;
struct regs;
struct row;
struct rules;

/* By a row of a table.  Where there is a caller the registers become its own. */
enum step unwind_row(const struct machine *, struct mem *, const struct row *,
                     const struct rules *, const struct copy *, struct regs *);

#endif
