/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LZMA_H
#define LZMA_H

/* Unpacks what packed/squeeze has packed, to where there is room for all. */
void lzma_unpack(const unsigned char *packed, char *out);

#endif
