/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYMBOLS_H
#define SYMBOLS_H

/* The functions of a module, by their addresses. */

struct buf;
struct elf;
struct process;
struct symbols;

/* Reads them from the file with that path, if it is what is mapped at `base` and has them, else
 * those that are exported from memory.  inode: as in the maps; 0: there is no file.  Never NULL:
 * there may be none. */
struct symbols *symbols_read(const struct process *, const struct elf *, uint64_t base,
                             const char *path, uint64_t inode);
void symbols_free(struct symbols *);

/* Appends the name of the function whose code is at that address: 0, or -1 if none is known to
 * cover it. */
int symbols_name(const struct symbols *, uint64_t pc, struct buf *);

#endif
