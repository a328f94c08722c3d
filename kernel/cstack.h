/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#ifndef KERNEL_CSTACK_H
#define KERNEL_CSTACK_H

struct part;

/* The part of the program that copies the C stack; NULL: it can't, on this machine. */
const struct part *cstack_part(void);

#endif
