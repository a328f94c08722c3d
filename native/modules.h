/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODULES_H
#define MODULES_H

/* The programs and libraries that a process has mapped, by their addresses. */

struct process;
struct symbols;

struct module {
	char *path;          /* "": memory without a name */
	const char *name;    /* the last part of it */
	uint64_t start, end; /* of what may be executed */
	uint64_t base;       /* where the file's first byte is, if `image` */
	uint64_t offset, inode;
	int image;           /* a file, or what the kernel brings along, from its start on */
	enum { MODULE_NEW, MODULE_OPEN, MODULE_BROKEN } state;
	struct elf elf;      /* if it is open */
	uint64_t table, rows; /* of its unwind table: where its rows are and how many; 0: none */
	struct symbols *symbols; /* NULL: not looked for yet */
};

struct modules;
struct modules *modules_new(const struct process *);
void modules_free(struct modules *);

/* Looks whether there are other ones now, if the last look was long ago, or at once.  Non-zero:
 * what was known of addresses is not true any more. */
int modules_look(struct modules *, int64_t now, int at_once);

/* The one that has code at that address, opened if it is an image; NULL: there is none.  Good until
 * the next look. */
struct module *modules_find(struct modules *, uint64_t pc);

#endif
