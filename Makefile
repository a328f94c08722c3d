# SPDX-License-Identifier: Apache-2.0
# GNU make.  Every variable can be given on the command line.

VERSION = 2.0.0

# A static binary needs musl; another compiler is used only if one is named.
ifeq ($(origin CC),default)
CC = musl-gcc
COMPILER = gcc musl-tools:musl-gcc
endif
CFLAGS = -Os -g
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
# Small: one page-aligned piece, nothing that only a debugger would need.
SMALL = -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
LDFLAGS = -static -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,--build-id=none
PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man

# Elsewhere for another kind of build beside this one.
BUILD = build
PROGRAM = pyflame

SOURCES = pyflame.c clock.c code.c collapsed.c dump.c elf.c explain.c follow.c frames.c \
	group.c label.c layouts.c linetab.c memory.c naming.c objects.c options.c output.c proc.c \
	profile.c ptrace.c regions.c sample.c snapshot.c stack.c take.c target.c threads.c util.c
OBJECTS = $(SOURCES:%.c=$(BUILD)/%.o)

override CFLAGS += -std=c11 -D_GNU_SOURCE -DPYFLAME_VERSION='"$(VERSION)"' $(WARNINGS) $(SMALL)

all: $(PROGRAM)

$(PROGRAM): $(OBJECTS)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(OBJECTS) -lm

# What every sample runs through.
HOT = code frames memory naming profile regions snapshot stack
$(HOT:%=$(BUILD)/%.o): override CFLAGS += -O2

$(BUILD)/%.o: %.c Makefile | $(BUILD)
	$(CC) $(CFLAGS) -MMD -c -o $@ $<

$(BUILD):
	mkdir -p $@

-include $(OBJECTS:.o=.d)

install: $(PROGRAM)
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(BINDIR)/pyflame
	install -D -m 644 pyflame.1 $(DESTDIR)$(MANDIR)/man1/pyflame.1

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/pyflame $(DESTDIR)$(MANDIR)/man1/pyflame.1

clean:
	rm -rf build pyflame demo.svg demo.txt

# demo and check install what a fresh Debian lacks, where that may be done.
PYTHON = python3
FLAMEGRAPH = /usr/share/perl5/Devel/NYTProf/flamegraph.pl
PICTURE = perl libdevel-nytprof-perl:$(FLAMEGRAPH)
SUITE = bats python3 gcc:cc libc6-dev:/usr/include/stdio.h binutils:readelf strace mandoc \
	procps:ps util-linux:unshare python3-dev:/usr/bin/python3-config
THOROUGH = xz-utils:xz pkg-config shellcheck clang pypy3

QUIETLY = $(MAKE) -s --no-print-directory

demo:
	@test/need $(COMPILER) $(PICTURE) python3:$(PYTHON)
	+@$(QUIETLY) all
	@PYFLAME=./$(PROGRAM) FLAMEGRAPH=$(FLAMEGRAPH) PYTHON=$(PYTHON) test/demo

check:
	@test/need $(COMPILER) $(PICTURE) $(SUITE)
	+@$(QUIETLY) all
	@PYFLAME=./$(PROGRAM) test/check

# Everything, on more interpreters; what can't be had of those is named.
BUILT_PYTHONS = 2.7-debug 3.11-debug 3.13t 3.14t 3.15t

check-all:
	@test/need $(COMPILER) $(PICTURE) $(SUITE) $(THOROUGH)
	-@test/pythons --fetch
	-@test/pythons --build $(BUILT_PYTHONS)
	+@status=0; for goal in lint check-layouts check check-sanitized; do \
		PYFLAME_TEST_ALL=1 $(QUIETLY) $$goal || status=1; done; exit $$status

check-layouts:
	@test/layouts/check

SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all
SANITIZED = BUILD=build/sanitized PROGRAM=build/sanitized/pyflame CC=gcc SMALL= LDFLAGS= \
	CFLAGS='-O1 -g $(SANITIZE)'

check-sanitized:
	+@$(QUIETLY) $(SANITIZED) check

# What is not there of neighbours and interpreters is left out, and said.
bench: $(PROGRAM)
	@bench/bench.py

lint:
	@test/lint

.PHONY: all install uninstall clean demo check check-all check-layouts check-sanitized bench \
	lint
