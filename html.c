/* SPDX-License-Identifier: Apache-2.0 */
/* The page of the folder page/, with the profile as JSON in its middle. */
#include <stddef.h>
#include <stdint.h>

#include "util.h"
#include "saved.h"
#include "page.h"
#include "html.h"

void
html_write(const struct profile *p, struct buf *out)
{
	page_add_head(out);
	saved_write(p, out);
	page_add_tail(out);
}
