/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_H
#define OBJECTS_H

/*
 * Python objects in the target: strings, integers, dictionaries, attributes.
 * Everything is read at once, from memory that may be changing: what comes
 * back is bounded and well formed, and as right as the moment allows.
 */

struct mem;
struct layout;
struct buf;

/* A pointer of the target's width at p, which need not be aligned. */
raddr object_pointer(const struct layout *, const void *p);

/* Reads the pointer at addr. */
enum why object_read_pointer(struct mem *, const struct layout *, raddr addr, raddr *out);

/*
 * Appends the text of a str as UTF-8.  A lone surrogate gets the three bytes
 * that it would have; the bytes of a 2.7 str are left as they are.
 */
enum why object_text(struct mem *, const struct layout *, raddr str, struct buf *);

/* Where the characters of a str lie, how many they are, and how many bytes each
 * takes. */
struct object_text {
	raddr addr, length;
	unsigned kind;
};
enum why object_text_extent(struct mem *, const struct layout *, raddr str, struct object_text *);

/* Appends the contents of a bytes object of at most max bytes; DEEP if it is
 * longer. */
enum why object_bytes(struct mem *, const struct layout *, raddr bytes, size_t max, struct buf *);

/* The name of an object's type, at most size - 1 bytes of it. */
enum why object_type_name(struct mem *, const struct layout *, raddr object, char *buf,
                          size_t size);

/*
 * Calls each() with every key and value of a dict until it returns non-zero; DEEP: there
 * were more than any that matters has.
 * values is where the values of a split table lie (0: ask the dict itself).
 */
typedef int object_dict_item(void *context, raddr key, raddr value);
enum why object_dict_each(struct mem *, const struct layout *, raddr dict,
                          object_dict_item *each, void *context);

/* The same with an object's attributes, but for those in slots and of its class. */
enum why object_attribute_each(struct mem *, const struct layout *, raddr object,
                               object_dict_item *each, void *context);

/* The value of a str key of a dict, of an instance's attribute; BROKEN if
 * there is none. */
enum why object_dict_get(struct mem *, const struct layout *, raddr dict, const char *key,
                         raddr *value);
enum why object_attribute(struct mem *, const struct layout *, raddr object, const char *name,
                          raddr *value);

/* The dictionary of a module of an interpreter; BROKEN if there is none. */
enum why object_module(struct mem *, const struct layout *, raddr interp, const char *name,
                       raddr *dict);

/* How many bytes of an integer object have to be read, 64 at most; what they say: a
 * non-negative integer that fits into 64 bits, BROKEN for any other.  And all at once. */
size_t object_integer_size(const struct layout *);
enum why object_integer_of(const struct layout *, const void *object, uint64_t *value);
enum why object_integer(struct mem *, const struct layout *, raddr object, uint64_t *value);

#endif
