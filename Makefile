# Makefile of reco, with PGXS.
#
#   make                 build reco.so
#   make install         install it (DESTDIR is obeyed)
#   make installcheck    run the regression tests on the running server
#   make META.json       stamp the version into META.json
#
# PG_CONFIG=/path/to/pg_config chooses the server.  Out of tree:
#   mkdir build && make -C build -f ../Makefile
# or, from any directory, make -f /path/to/Makefile.
#
# Switches, for developers:
#   WERROR=1             all warnings, as errors
#   ASSERT=1             Assert() in the extension, on any server
#   SANITIZE=1           AddressSanitizer and UndefinedBehaviorSanitizer; the
#                        server then has to start with libasan preloaded, which
#                        test/cluster does

reco_makefile := $(lastword $(MAKEFILE_LIST))
reco_dir := $(patsubst %/,%,$(dir $(reco_makefile)))

EXTENSION = reco
MODULE_big = reco
DATA = $(notdir $(wildcard $(reco_dir)/reco--*.sql))
PGFILEDESC = "reco - playlists from a sentence, inside the database"

OBJS = $(patsubst $(reco_dir)/%.c,%.o,$(sort $(wildcard $(reco_dir)/src/*.c $(reco_dir)/src/*/*.c)))

# The control file is the only place where the version is written.
RECO_VERSION := $(shell sed -n "s/^default_version *= *'\([^']*\)'.*/\1/p" $(reco_dir)/reco.control)

PG_CPPFLAGS = -I$(reco_dir)/src -DRECO_VERSION='"$(RECO_VERSION)"'
PG_CFLAGS = -MMD -MP

# HTTP is libcurl's business, foreign JSON is jansson's.
SHLIB_LINK = -lcurl -ljansson

ifdef WERROR
# Off is only what the server's own headers and idioms do not withstand: unused
# parameters of inline functions, and "int < lengthof(array)".
PG_CFLAGS += -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare
endif

ifdef ASSERT
PG_CPPFLAGS += -DUSE_ASSERT_CHECKING=1
endif

ifdef SANITIZE
PG_CFLAGS += -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all
SHLIB_LINK += -fsanitize=address,undefined
endif

# "setup" makes the extension that the other tests use, so it comes first.
reco_tests := $(sort $(basename $(notdir $(wildcard $(reco_dir)/sql/*.sql))))
REGRESS = $(filter setup,$(reco_tests)) $(filter-out setup,$(reco_tests))
ENCODING = UTF8

EXTRA_CLEAN = $(OBJS:.o=.d) src/.flags src/.objects

# No JIT bitcode: no function here would gain from being inlined into a query,
# and building it would ask for the server's clang.
ifneq ($(origin with_llvm),command line)
override with_llvm = no
endif

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS finds the sources of an out-of-tree build by VPATH, which would also find
# objects of an earlier build inside the tree.  Look for sources only.
srcdir := $(reco_dir)
override VPATH :=
vpath %.c $(reco_dir)
vpath %.control $(reco_dir)

ifdef SANITIZE
override CPPFLAGS += -U_FORTIFY_SOURCE
endif

# The scan kernel is the only file whose speed depends on the vectorizer.
src/catalogue/kernel.o: override CFLAGS += -O3

# Rebuild what other flags, another server or an edited header make stale.
reco_objdirs := $(sort $(dir $(OBJS)))
$(OBJS): src/.flags $(reco_makefile) | $(reco_objdirs)
$(reco_objdirs):
	@mkdir -p $@

src/.flags: export RECO_FLAGS = $(CC) $(CFLAGS) $(CPPFLAGS) $(PGXS)
src/.flags: FORCE | src/
	@echo "$$RECO_FLAGS" | cmp -s - $@ || echo "$$RECO_FLAGS" >$@

# An object that went away or came makes the library stale as well.
$(shlib): src/.objects
src/.objects: export RECO_OBJS = $(OBJS) $(SHLIB_LINK)
src/.objects: FORCE | src/
	@echo "$$RECO_OBJS" | cmp -s - $@ || echo "$$RECO_OBJS" >$@

FORCE:
.PHONY: FORCE

-include $(OBJS:.o=.d)

# What a variable holds, for scripts.
print-%:
	@echo '$($*)'

# PGXN wants three numbers where the control file has two.
reco_semver := $(shell echo $(RECO_VERSION) | sed 's/^[0-9]*\.[0-9]*$$/&.0/')

META.json: FORCE
	@sed '/"meta-spec"/,$$!s/\("version": *\)"[^"]*"/\1"$(reco_semver)"/' $(reco_dir)/$@ >$@.tmp
	@if cmp -s $@.tmp $(reco_dir)/$@; then rm $@.tmp; else mv $@.tmp $(reco_dir)/$@; fi
