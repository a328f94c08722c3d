/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HELP_H
#define HELP_H

/* What --help says, in three parts, between which options.c puts what depends on the formats. */
extern const char help_usage[], help_options[], help_rest[];

#endif
