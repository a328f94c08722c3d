/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SECRETS_H
#define SECRETS_H

/* What a value is not to be shown for, and what stands in its place, and for what is cut. */
#define ELLIPSIS "\xe2\x80\xa6"

/* Whether a variable, a key or an attribute of that name may hold a password, a token, a key
 * or the like. */
int secrets_is_named(const char *name);

#endif
