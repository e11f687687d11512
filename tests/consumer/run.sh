#!/bin/sh
# Installs Baton into a temporary folder and builds consumer.c against what was installed: as C99 and as C++,
# with the flags that pkg-config gives. Runs both.
#
# usage: tests/consumer/run.sh BUILD_DIR
#
# SPDX-License-Identifier: Apache-2.0
set -eu
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

DESTDIR="$root" meson install -C "$build" --no-rebuild >/dev/null
pc=$(find "$root" -name baton.pc)
[ -n "$pc" ] || { echo "no baton.pc was installed" >&2; exit 1; }
export PKG_CONFIG_LIBDIR="$(dirname "$pc")" PKG_CONFIG_SYSROOT_DIR="$root"
flags=$(pkg-config --cflags --libs baton)
libraries=$(find "$root" -name 'libbaton.so*' -exec dirname {} \; | sort -u)
case $libraries in
*"
"* | "") echo "libbaton.so is not in one place: '$libraries'" >&2; exit 1 ;;
esac

warnings='-pedantic -Wall -Wextra -Werror'
# $flags and $warnings are lists.
${CC:-cc} -std=c99 $warnings "$here/consumer.c" $flags -o "$root/consumer-c"
${CXX:-c++} -x c++ -std=c++11 $warnings "$here/consumer.c" -x none $flags -o "$root/consumer-cxx"
for program in consumer-c consumer-cxx; do
    LD_LIBRARY_PATH=$libraries ldd "$root/$program" | grep -q "libbaton.so.* => $root" ||
        { echo "$program does not use the shared library that was installed" >&2; exit 1; }
    LD_LIBRARY_PATH=$libraries "$root/$program"
done
