/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REST_H
#define REST_H

/* Whether a process has run meanwhile: what is read of one that has not is all of one moment. */

struct rest;

/* A process with its threads as they are; NULL if there are so many that asking costs more than it
 * saves, or if they cannot be seen. */
struct rest *rest_new(int pid);
void rest_free(struct rest *);

/* From now on. */
void rest_begin(struct rest *);

/* Whether it is known that no thread of it has run since.  Of NULL it is not. */
int rest_holds(struct rest *);

#endif
