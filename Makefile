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

SOURCES = pyflame.c code.c collapsed.c dump.c elf.c explain.c frames.c label.c \
	layouts.c linetab.c memory.c objects.c options.c output.c proc.c profile.c \
	ptrace.c sample.c snapshot.c target.c threads.c util.c
OBJECTS = $(SOURCES:%.c=$(BUILD)/%.o)

override CFLAGS += -std=c11 -D_GNU_SOURCE -DPYFLAME_VERSION='"$(VERSION)"' $(WARNINGS) $(SMALL)

all: $(PROGRAM)

$(PROGRAM): $(OBJECTS)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(OBJECTS) -lm

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
FLAMEGRAPH = /usr/share/perl5/Devel/NYTProf/flamegraph.pl
PYTHON = python3
SUITE = bats python3 gcc:cc libc6-dev:/usr/include/stdio.h binutils:readelf strace \
	procps:ps util-linux:unshare

demo:
	@test/need $(COMPILER) perl libdevel-nytprof-perl:$(FLAMEGRAPH) python3:$(PYTHON)
	@$(MAKE) -s --no-print-directory all
	@FLAMEGRAPH=$(FLAMEGRAPH) PYTHON=$(PYTHON) test/demo

check:
	@test/need $(COMPILER) $(SUITE)
	@$(MAKE) -s --no-print-directory all
	@test/check

# Everything: more interpreters, the table of layouts, sanitizers, house rules.
DEBUG_PYTHONS = 2.7-debug 3.11-debug 3.13t 3.14t 3.15t
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all

check-all:
	@test/need $(COMPILER) $(SUITE) xz-utils:xz \
		pkg-config shellcheck mandoc clang
	-@test/pythons --fetch
	-@test/pythons --build $(DEBUG_PYTHONS)
	@$(MAKE) -s --no-print-directory lint check-layouts all
	@PYFLAME_TEST_ALL=1 test/check
	@$(MAKE) -s --no-print-directory check-sanitized

check-layouts:
	@test/layouts/check

check-sanitized:
	@$(MAKE) -s --no-print-directory BUILD=build/sanitized PROGRAM=build/sanitized/pyflame \
		CC=gcc SMALL= CFLAGS='-O1 -g $(SANITIZE)' LDFLAGS= all
	@PYFLAME=build/sanitized/pyflame test/check

lint:
	@test/lint

.PHONY: all install uninstall clean demo check check-all check-layouts check-sanitized lint
