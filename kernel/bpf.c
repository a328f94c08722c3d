/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* bpf(2); linux/bpf.h, which musl's compiler does not see. */
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/bpf.h"

enum { MAP_CREATE = 0, PROG_LOAD = 5 };
enum { OF_PERF_EVENTS = 7 };

int
bpf_map(uint32_t type, uint32_t key, uint32_t value, uint32_t entries, uint32_t flags)
{
	uint32_t attributes[8] = { type, key, value, entries, flags };

	return (int)syscall(SYS_bpf, MAP_CREATE, attributes, sizeof attributes);
}

int
bpf_load(const struct instruction *code, size_t n)
{
	/* What it calls is for programs under the GPL; the files that it is in are so, too. */
	static const char license[] = "GPL and additional rights";
	struct {
		uint32_t type, n;
		uint64_t code, license;
		uint32_t log_level, log_size;
		uint64_t log;
		uint32_t version, flags;
	} attributes = { .type = OF_PERF_EVENTS, .n = (uint32_t)n,
	                 .code = (uintptr_t)code, .license = (uintptr_t)license };

	return (int)syscall(SYS_bpf, PROG_LOAD, &attributes, sizeof attributes);
}
