/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLACES_H
#define PLACES_H

/* What is known of addresses of code, each looked up once. */

struct process;
struct profile;

enum place_flags {
	PLACE_NAMED = 1,
	PLACE_EVAL = 2,     /* of the eval loop, from 3.6 on, */
	PLACE_OLD_EVAL = 4, /* and up to 2.7, later of what calls it */
	PLACE_PLUMBING = 8, /* it does nothing but call, if the module is the interpreter */
	PLACE_ROW = 16,     /* there is a row for it */
};

struct place {
	uint64_t pc;     /* 0: none */
	uint64_t module; /* where its module begins; 0: it is in none */
	uint32_t frame;  /* of the profile */
	unsigned flags;
	struct row row;
};

struct places;
struct places *places_new(const struct process *, struct profile *, const struct machine *);
void places_free(struct places *);

/* To be called now and then: modules come and go. */
void places_look(struct places *);

/* Good until the next call. */
const struct place *places_find(struct places *, uint64_t pc);

/* Whether there is code at that address. */
int places_is_code(void *places, uint64_t pc);

/* What the rules of rows are among. */
const struct rules *places_rules(const struct places *);

#endif
