# SPDX-License-Identifier: Apache-2.0
# GNU make.  Every variable can be given on the command line.

VERSION = 2.0.0

# What makes the program smaller with gcc 12 and with 14, found by trying.
SMALLER_GCC = -Oz -fno-pie -falign-functions=1 -falign-loops=1 -falign-jumps=1 -fno-caller-saves \
	-fno-inline-functions-called-once -fno-move-loop-invariants -fno-tree-dominator-opts \
	-fno-tree-sra -fno-tree-switch-conversion -fno-thread-jumps -fno-jump-tables \
	-fno-tree-tail-merge -fno-shrink-wrap -fno-ipa-sra -fira-region=mixed -flto=1 -flto-partition=one \
	-ffat-lto-objects

# And those parts that are packed, once they are.
SMALLER_PACKED = -finline-functions-called-once -fno-if-conversion -fira-region=one

# Machines whose program can be packed.
PACKABLE = x86_64

# A static binary needs musl; another compiler is used only if one is named.
ifeq ($(origin CC),default)
CC = musl-gcc
COMPILER = gcc musl-tools:musl-gcc
SMALLER = $(SMALLER_GCC)
# What a run for collapsed stacks alone does without is packed; PACKING= leaves it as it is.
PACKING = $(filter $(PACKABLE),$(shell uname -m))
endif
CFLAGS = -Os -g
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
# Small: one page-aligned piece, nothing that only a debugger would need; and as it is not
# moved, nothing that would be for the loader's sake.
SMALL = -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables $(SMALLER)
LDFLAGS = -static -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,-z,norelro \
	-Wl,-z,common-page-size=64 -Wl,--build-id=none
PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man
COMPLETIONDIR = $(PREFIX)/share/bash-completion/completions

# Elsewhere for another kind of build beside this one.
BUILD = build
PROGRAM = pyflame

# For a compiler that has to be told what a program begins and ends with.
STARTFILES =
LDLIBS = -lm

# What it is to write, and with html and json to read: FORMATS="html svg", say.
# Collapsed stacks are always there.
ALL_FORMATS = collapsed report html svg speedscope pprof gecko chrome json
FORMATS = $(ALL_FORMATS)
ifneq ($(filter-out $(ALL_FORMATS),$(FORMATS)),)
$(error FORMATS are some of $(ALL_FORMATS), not $(filter-out $(ALL_FORMATS),$(FORMATS)))
endif
WITHOUT = $(filter-out collapsed $(FORMATS),$(ALL_FORMATS)) $(filter-out $(PARTS),$(ALL_PARTS))

# What else it may do without, each a folder; text alone does.
ALL_PARTS = waits values native tasks why kernel
PARTS = $(if $(filter-out collapsed,$(FORMATS)),$(ALL_PARTS))
ifneq ($(and $(filter why,$(PARTS)),$(filter-out $(PARTS),waits values tasks)),)
$(error the part why needs waits, values and tasks)
endif
WINGS = format libc packed $(ALL_PARTS)
ifneq ($(if $(filter tasks,$(PARTS)),$(filter-out $(PARTS),waits values)),)
$(error the part tasks needs waits and values)
endif

# format/NAME.c goes with its format, what several share with the last of these; all
# read the runs of files with saved.c and json.c.
PAGED = $(filter html svg,$(FORMATS))
EXPORTED = $(filter report speedscope pprof gecko chrome,$(FORMATS))
LEFT_OUT = $(filter-out format/json.c,$(WITHOUT:%=format/%.c)) \
	$(if $(PAGED),,format/page.c) $(if $(EXPORTED),,format/export.c) \
	$(if $(filter report,$(FORMATS)),,format/columns.c format/ranks.c) \
	$(foreach part,$(filter-out $(PARTS),$(ALL_PARTS)),$(wildcard $(part)/*.c)) \
	$(if $(filter pprof,$(FORMATS)),,format/gzip.c) \
	$(if $(SMALLER),,$(wildcard libc/*.c))

SOURCES = $(sort $(filter-out $(LEFT_OUT),$(wildcard *.c $(WINGS:%=%/*.c))))
OBJECTS = $(SOURCES:%.c=$(BUILD)/%.o) $(if $(PAGED),$(BUILD)/packed.o)

comma = ,
override CFLAGS += -std=c11 -iquote . -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DPYFLAME_VERSION='"$(VERSION)"' $(WARNINGS) $(SMALL)

all: $(PROGRAM)

# What it calls by its own name is this.
$(BUILD)/libc/%.o: override CFLAGS += -fno-lto -fno-builtin

# Linked to an address of their own, which link-time optimization does not know of: all but
# what takes collapsed stacks.
ALWAYS = libc/% format/label format/collapsed format/formats packed/lzma packed/packed \
	$(filter-out kernel/cstack,$(basename $(wildcard kernel/*.c)))
SELDOM = $(filter $(WINGS:%=$(BUILD)/%/%.o) $(BUILD)/dump.o,$(OBJECTS))
PACKED = $(if $(and $(PACKING),$(PARTS)),$(filter-out $(ALWAYS:%=$(BUILD)/%.o),$(SELDOM)))
OBJCOPY = objcopy
$(PACKED): override CFLAGS += -fno-lto $(if $(SMALLER),$(SMALLER_PACKED))
$(PACKED): FINISH = $(OBJCOPY) --prefix-alloc-sections=.wing $@
ifneq ($(PACKED),)
$(BUILD)/packed/packed.o: override CFLAGS += -DPACKED -fno-lto
endif

$(if $(PACKED),$(BUILD)/linked,$(PROGRAM)): $(OBJECTS) $(BUILD)/without
	$(CC) $(CFLAGS) $(LDFLAGS) $(if $(PACKED),-Wl$(comma)-T$(comma)packed/wings.ld) -o $@ \
		$(STARTFILES) $(OBJECTS) $(LDLIBS)

ifneq ($(PACKED),)
$(PROGRAM): $(BUILD)/linked packed/pack packed/wings.ld
	OBJCOPY=$(OBJCOPY) packed/pack $(BUILD)/linked $@
endif

# What every sample runs through, and every run that unpacks.
HOT = snapshot packed/lzma
$(HOT:%=$(BUILD)/%.o): override CFLAGS += -O2

$(BUILD)/%.o: %.c Makefile | $(WINGS:%=$(BUILD)/%)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
	$(FINISH)

TOLD = $(BUILD)/format/formats.o $(BUILD)/packed/help.o $(BUILD)/pyflame.o $(BUILD)/dump.o \
	$(BUILD)/sample.o $(BUILD)/options.o $(BUILD)/summary.o $(BUILD)/stack.o \
	$(BUILD)/codes.o $(BUILD)/capture.o $(BUILD)/group.o $(BUILD)/sandbox.o $(BUILD)/process.o \
	$(BUILD)/native/native.o
$(TOLD): override CFLAGS += $(WITHOUT:%=-DWITHOUT_%)
$(TOLD): $(BUILD)/without

# These change when FORMATS and PACKING do.
$(BUILD)/without: always | $(BUILD)
	@echo $(WITHOUT) | cmp -s - $@ || echo $(WITHOUT) > $@

$(BUILD)/packing: always | $(BUILD)
	@echo $(if $(PACKED),yes) | cmp -s - $@ || echo $(if $(PACKED),yes) > $@

$(SELDOM): $(BUILD)/packing

# The page's files, as arrays of bytes.
$(BUILD)/packed.o: $(BUILD)/packed.c
	$(CC) $(CFLAGS) -c -o $@ $<

$(BUILD)/packed.c: $(filter-out %.png,$(wildcard page/*)) | $(BUILD)/format
	page/embed > $@.tmp
	mv $@.tmp $@

$(BUILD) $(WINGS:%=$(BUILD)/%):
	mkdir -p $@

-include $(OBJECTS:.o=.d)

install: $(PROGRAM)
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(BINDIR)/pyflame
	install -D -m 644 pyflame.1 $(DESTDIR)$(MANDIR)/man1/pyflame.1
	install -D -m 644 contrib/pyflame.bash $(DESTDIR)$(COMPLETIONDIR)/pyflame

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/pyflame $(DESTDIR)$(MANDIR)/man1/pyflame.1 \
		$(DESTDIR)$(COMPLETIONDIR)/pyflame

clean:
	rm -rf build pyflame demo.html demo.svg demo.txt

# demo and check install what a fresh Debian lacks, where that may be done.
PYTHON = python3
FLAMEGRAPH = /usr/share/perl5/Devel/NYTProf/flamegraph.pl
PACKER = xz-utils:xz perl
PICTURE = perl libdevel-nytprof-perl:$(FLAMEGRAPH)
SUITE = bats python3 gcc:cc libc6-dev:/usr/include/stdio.h binutils:readelf strace mandoc \
	procps:ps util-linux:unshare python3-dev:/usr/bin/python3-config
# For the tests with a browser, which are skipped without.
BROWSER = chromium nodejs:node npm librsvg2-bin:rsvg-convert
NPM = $(or $(PYFLAME_NPM),$(HOME)/.cache/pyflame/npm)
NPM_PACKAGES = playwright-core axe-core speedscope pprof-format @firefox-devtools/profiler-cli node
THOROUGH = pkg-config shellcheck clang pypy3 git \
	qemu-user-static:qemu-aarch64-static python3-yaml:/usr/lib/python3/dist-packages/yaml

QUIETLY = $(MAKE) -s --no-print-directory

demo:
	@test/need $(COMPILER) $(PACKER) python3:$(PYTHON)
	+@$(QUIETLY) all
	@PYFLAME=./$(PROGRAM) PYTHON=$(PYTHON) test/demo

# The README's, of the demo's page.
picture: demo
	@test/need chromium pngquant optipng
	@test/picture

check:
	@test/need $(COMPILER) $(PACKER) $(PICTURE) $(SUITE)
	+@$(QUIETLY) all
	@PYFLAME=./$(PROGRAM) test/check $(TESTS)

# Everything, on more interpreters; what can't be had of those is named.
check-all:
	@test/need $(COMPILER) $(PACKER) $(PICTURE) $(SUITE) $(THOROUGH)
	-@test/need $(BROWSER)
	-@for package in $(NPM_PACKAGES); do [ -d "$(NPM)/node_modules/$$package" ] || \
		npm install --silent --no-audit --no-fund --prefix "$(NPM)" "$$package"; done
	-@test/pythons --fetch
	-@test/pythons --build
	-@dist/cross --fetch
	+@status=0; for goal in lint check-layouts check check-sanitized; do \
		PYFLAME_TEST_ALL=1 $(QUIETLY) $$goal || status=1; done; exit $$status

check-layouts:
	@test/layouts/check

# Puts what the headers below HEADERS say (by default: those found here) into layouts.c.
layouts:
	@test/layouts/update $(HEADERS)

SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all
SANITIZED = BUILD=build/sanitized PROGRAM=build/sanitized/pyflame CC=gcc SMALL= LDFLAGS= \
	CFLAGS='-O1 -g $(SANITIZE)'

# Without the tests that build all they run themselves.
check-sanitized:
	+@$(QUIETLY) $(SANITIZED) TESTS='$(filter-out %/cross.bats %/fuzz.bats,$(wildcard test/*.bats))' check

# From what test/fuzz/corpus has, for FUZZ_SECONDS each. A crash leaves its input in
# build/fuzz. With AFL++: test/fuzz/build target target.afl afl-clang-fast -O1 &&
# afl-fuzz -i test/fuzz/corpus/target -o build/afl -- ./target.afl @@
FUZZ_SECONDS = 60
FUZZERS = elf proc linetab target values tasks greenlets input options native
FUZZ = nice test/fuzz/build
FUZZ_CC = clang -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

fuzz: $(FUZZERS:%=fuzz-%)

fuzz-%: | $(BUILD)
	@test/need clang libclang-rt-14-dev:/usr/lib/llvm-14/lib/clang/14.0.6/lib/linux/libclang_rt.fuzzer-x86_64.a
	@mkdir -p build/fuzz/corpus/$*
	@$(FUZZ) $* build/fuzz/$* $(FUZZ_CC)
	nice build/fuzz/$* -max_total_time=$(FUZZ_SECONDS) -timeout=10 -max_len=4000 -len_control=0 -print_final_stats=1 \
		-artifact_prefix=build/fuzz/$*- build/fuzz/corpus/$* test/fuzz/corpus/$*

# Which lines the corpus and the broken targets reach.
FUZZ_COVERED = elf.c frames.c code.c layouts.c

fuzz-coverage: | $(BUILD)
	@test/fuzz/coverage $(FUZZ_COVERED)

# What is not there of neighbours and interpreters is left out, and said.
bench: $(PROGRAM)
	@bench/bench.py

lint:
	@test/lint

# Static binaries for other machines, and these on real kernels, emulated.
cross:
	+@dist/cross

VM = cpio qemu-system-x86:qemu-system-x86_64 qemu-system-arm:qemu-system-aarch64 \
	qemu-system-misc:qemu-system-riscv64 qemu-system-ppc:qemu-system-ppc64 \
	opensbi:/usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin

check-vm:
	-@test/need $(VM)
	+@test/vm/run

# What a release consists of, in build/dist.
dist:
	+@dist/release

print-version:
	@echo $(VERSION)

.PHONY: all always install uninstall clean demo picture check check-all check-layouts layouts check-sanitized bench \
	lint cross check-vm dist print-version fuzz fuzz-coverage
