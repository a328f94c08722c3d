/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that changes while it is read; see changes.h. */
#include <stdint.h>
#include <stdlib.h>

#include "util.h"
#include "simulated.h"
#include "changes.h"

enum { CHANGE = 5 };

static const uint8_t *changes;
static size_t n_changes;
static unsigned countdown; /* to the next one */
static uint64_t (*any_word)(unsigned, unsigned), most;

static void
on_read(void)
{
	size_t n;

	if (sim.calls > most)
		abort(); /* more than any object may make it do */
	if (!n_changes)
		return;
	if (countdown) {
		countdown--;
		return;
	}
	countdown = changes[0];
	sim_pointer(sim_slot((size_t)changes[1] << 8 | changes[2], &n),
	            any_word(changes[3], changes[4]));
	changes += CHANGE;
	n_changes--;
}

void
changes_begin(const uint8_t *in, size_t len, uint64_t (*word)(unsigned, unsigned),
              uint64_t most_calls)
{
	changes = in;
	n_changes = len / CHANGE;
	countdown = 0;
	any_word = word;
	most = most_calls;
	sim.calls = 0;
	sim.changed = on_read;
}
