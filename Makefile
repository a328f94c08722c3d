# SPDX-License-Identifier: Apache-2.0
# GNU make.  Every variable can be given on the command line.

VERSION = 2.0.0

# A static binary needs musl; another compiler is used only if one is named.
ifeq ($(origin CC),default)
CC = musl-gcc
endif
CFLAGS = -Os -g
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
# Small: one page-aligned piece, nothing that only a debugger would need.
SMALL = -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
LDFLAGS = -static -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,--build-id=none
PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man

SOURCES = pyflame.c code.c collapsed.c dump.c elf.c explain.c frames.c label.c \
	layouts.c linetab.c memory.c objects.c options.c output.c proc.c profile.c \
	ptrace.c sample.c snapshot.c target.c threads.c util.c
OBJECTS = $(SOURCES:%.c=build/%.o)

override CFLAGS += -std=c11 -D_GNU_SOURCE -DPYFLAME_VERSION='"$(VERSION)"' $(WARNINGS) $(SMALL)

all: pyflame

pyflame: $(OBJECTS)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(OBJECTS) -lm

build/%.o: %.c Makefile | build
	$(CC) $(CFLAGS) -MMD -c -o $@ $<

build:
	mkdir -p $@

-include $(OBJECTS:.o=.d)

install: pyflame
	install -D -m 755 pyflame $(DESTDIR)$(BINDIR)/pyflame
	install -D -m 644 pyflame.1 $(DESTDIR)$(MANDIR)/man1/pyflame.1

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/pyflame $(DESTDIR)$(MANDIR)/man1/pyflame.1

clean:
	rm -rf build pyflame demo.svg demo.txt

.PHONY: all install uninstall clean
