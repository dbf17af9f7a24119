#!/bin/bash
# What is installed can be used: by pkg-config, shared and static, and by a CMake project.
. "$(dirname "$0")/common.sh"
CC=${CC:-cc}

expect "installing" cmake --install "$build_folder" --prefix "$work/ravine" >/dev/null
library=$(echo "$work"/ravine/lib*)
[ -d "$library/pkgconfig" ] || library=$(dirname "$work"/ravine/lib/*/pkgconfig)
export PKG_CONFIG_PATH=$library/pkgconfig LD_LIBRARY_PATH=$library

cat >"$work/script.c" <<'END'
#include <stdio.h>
#include <ravine.h>

int main(void)
{
    rv_on_error(rv_error_exit);
    rv_tensor *x = rv_require_grad(rv_full(3, RV_F64, 2));
    rv_backward(rv_sum(rv_mul(x, x)));
    printf("%g, version %s\n", rv_item_at(rv_grad(x), 1), RV_VERSION);
    rv_finish();
    return 0;
}
END
cd "$work" || exit 1
# works WHAT PROGRAM
works() {
    local out
    out=$("$2") || fail "$1: $out"
    [ "$out" = "6, version $(pkg-config --modversion ravine)" ] || fail "$1: $out"
    say "$1: $out"
}

expect "pkg-config" $CC script.c $(pkg-config --cflags --libs ravine) -o shared
works "shared, by pkg-config" ./shared
expect "strict compilers" $CC -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Werror script.c \
    $(pkg-config --cflags --libs ravine) -o strict
expect "pkg-config --static" $CC script.c $(pkg-config --cflags ravine) -Wl,-Bstatic \
    $(pkg-config --libs-only-L --libs-only-l ravine) -Wl,-Bdynamic \
    $(pkg-config --static --libs ravine | sed 's/-lravine//') -o static
works "static, by pkg-config" ./static
[[ $(ldd ./static) == *libravine* ]] && fail "the static program needs libravine.so"

mkdir project
cat >project/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.20)
project(user LANGUAGES C)
find_package(ravine 0.1 REQUIRED)
add_executable(with_shared ../script.c)
target_link_libraries(with_shared ravine::ravine)
add_executable(with_static ../script.c)
target_link_libraries(with_static ravine::ravine_static)
END
CMAKE_GENERATOR=$(sed -n 's/^CMAKE_GENERATOR:INTERNAL=//p' "$build_folder/CMakeCache.txt")
export CMAKE_GENERATOR
expect "find_package" cmake -S project -B project/build -DCMAKE_PREFIX_PATH="$work/ravine" \
    -DCMAKE_C_COMPILER="$CC" >project/log
expect "a CMake project" cmake --build project/build >>project/log
works "shared, by CMake" project/build/with_shared
works "static, by CMake" project/build/with_static

# Each header can be included on its own; C++ can include them all.
for header in $(cd ravine/include/ravine && find . -name '*.h'); do
    printf "#include <%s>\ntypedef int something;\n" "${header#./}" >one.c
    expect "$header on its own" $CC -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only \
        $(pkg-config --cflags ravine) one.c
done
if command -v c++ >/dev/null; then
    printf '#include <ravine.h>\nint main() { return rv_item(rv_add(nullptr, nullptr)) == 0; }\n' \
        >script.cpp
    expect "C++" c++ script.cpp $(pkg-config --cflags --libs ravine) -o cpp
fi

# What the library defines begins with rv_, and the shared one shows only what the headers declare.
strange=$(nm -D --defined-only "$library/libravine.so" | awk '{ print $3 }' | grep -v '^rv_')
[ -z "$strange" ] || fail "libravine.so also exports: $strange"
strange=$(nm -g --defined-only "$library/libravine.a" 2>/dev/null | awk 'NF == 3 { print $3 }' |
    grep -v '^rv_')
[ -z "$strange" ] || fail "libravine.a also defines: $strange"
for symbol in $(nm -D --defined-only "$library/libravine.so" | awk '{ print $3 }'); do
    grep -rqw "$symbol" ravine/include || fail "$symbol is exported, but no header declares it"
done
say "ok"
