/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PACKED_H
#define PACKED_H

/*
 * Those parts of the program that a run with collapsed stacks can do without are packed in its
 * file, which is the smaller for it: their code and constants, linked to an address of their
 * own (wings.ld), are unpacked to that before any of them is used.
 */

#ifdef PACKED
enum { HAS_PACKED = 1 };
#else
enum { HAS_PACKED = 0 };
#endif

/* Unpacks them: 0, or an errno, most likely as no memory may be made executable here. */
int packed_load(void);

#endif
