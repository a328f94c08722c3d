/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COLOUR_H
#define COLOUR_H

/* The colours of frames, as 0xRRGGBB.  page/page.js has the same. */

struct profile;

/* Where the frame's file comes from; native: it has none. */
enum origin { ORIGIN_APPLICATION, ORIGIN_PACKAGES, ORIGIN_LIBRARY, ORIGIN_NATIVE };
enum origin colour_origin(const struct profile *, uint32_t frame);

/* By that origin, and within it by the function's name. */
uint32_t colour_frame(const struct profile *, uint32_t frame);

/* Of what is not a frame. */
enum { COLOUR_IDLE = 0x8a8a88, COLOUR_ALL = 0xd9d8d2 };

/* Red for more samples than before, blue for less; pale if chance alone may
 * have made the difference.  `before` is scaled to the total of now. */
uint32_t colour_change(double now, double before);

#endif
