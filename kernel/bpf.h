/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#ifndef KERNEL_BPF_H
#define KERNEL_BPF_H

/* BPF: instructions, and bpf(2). */

struct instruction {
	uint8_t code;
	uint8_t to : 4, from : 4;
	int16_t off;
	int32_t value;
};

/* linux/bpf.h */
enum {
	MOVE = 0xbf, SET = 0xb7, MOVE_32 = 0xbc, ADD = 0x0f, ADD_TO = 0x07, SUBTRACT = 0x1f,
	AND = 0x5f, MASK = 0x57, OR = 0x47, TIMES = 0x27, SHIFT = 0x77,
	LOAD = 0x79, LOAD_32 = 0x61, LOAD_8 = 0x71, STORE = 0x7b, STORE_32 = 0x63, WIDE = 0x18,
	GOTO_IF_IS = 0x15, GOTO_UNLESS_IS = 0x55, GOTO_IF_MORE = 0x25, GOTO_UNLESS = 0x5d,
	GOTO_IF_ABOVE = 0x2d, GOTO_IF_LESS = 0xa5, GOTO_IF_SAME = 0x1d,
	CALL = 0x85, EXIT = 0x95, GO_ON = 0x05, MAY_GOTO = 0xe5,
};
enum { LOOKUP = 1, TIME = 5, TIDS = 14, COPY = 112, TIDS_IN_NAMESPACE = 120, OUTPUT = 130,
       COPY_KERNELS = 113, TASK = 158, REGISTERS = 175 };
enum { MAP = 1, MAP_VALUE = 2, LOCAL = 1 }; /* in `from` of WIDE, of CALL */
enum { ARRAY = 2, ARRAY_PER_CPU = 6, RING = 27, MAPPABLE = 1 << 10 };
enum { NO_WAKEUP = 1 };

/* Makes one of these maps; a descriptor, or -1. */
int bpf_map(uint32_t type, uint32_t key, uint32_t value, uint32_t entries, uint32_t flags);

/* Has the kernel take a program for perf events; a descriptor, or -1. */
int bpf_load(const struct instruction *, size_t n);

#endif
