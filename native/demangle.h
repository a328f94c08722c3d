/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEMANGLE_H
#define DEMANGLE_H

struct buf;

/* Appends the name of a function as it is in the program: in which namespaces, classes and modules
 * it lies, without its arguments' types, where the symbol is one of C++ or Rust that is understood;
 * else as it is. */
void demangle(const char *symbol, size_t len, struct buf *);

#endif
