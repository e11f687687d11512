# A short face over Meson. `make run` and `make test` install what they need on a bare Debian machine.

BUILD ?= build
CHECK ?= build/check
PREFIX ?= /usr/local

.PHONY: all run test bench coverage fuzz crash install clean format

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet
$(BUILD)/build.ninja: meson.build
	@tools/packages build
	@meson setup $(BUILD) --buildtype=release -Db_lto=true --prefix=$(PREFIX) >$(if $(V),/dev/stdout,/dev/null)

run: all
	@$(BUILD)/baton run examples/hello.yaml

test:
	@tools/packages build test
	@tools/test $(CHECK)

bench: all
	@tools/packages build bench
	@bench/run $(BUILD)

coverage:
	@tools/packages build test coverage
	@tools/coverage

fuzz:
	@tools/packages build fuzz
	@tools/fuzz

# A thousand kills at random, and one at each critical point: about nine minutes.
crash: all
	@tests/crash/run.py $(BUILD) --kills 1000 --seconds 60 --every

install: all
	@meson configure $(BUILD) --prefix=$(PREFIX)
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --quiet

format:
	@clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build
