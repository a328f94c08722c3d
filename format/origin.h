/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ORIGIN_H
#define ORIGIN_H

/* Whose code a frame is of. */

struct profile;

/* Where the frame's file comes from; native: it has none; wait: it has none, and says what
 * the thread waits for, or that nothing ran. */
enum origin { ORIGIN_APPLICATION, ORIGIN_PACKAGES, ORIGIN_LIBRARY, ORIGIN_NATIVE, ORIGIN_WAIT };
enum origin origin_of(const struct profile *, uint32_t frame);

#endif
