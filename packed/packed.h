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

/* Unpacks them, once; execute: to be run, too, not only read.  Where that can't be
 * done it ends the program, and says why: most likely no memory may be made executable here. */
void packed_need(int execute);

#endif
