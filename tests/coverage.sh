#!/usr/bin/env bash
# Line coverage of src/ by unit and integration tests; fails below the floor. Not part of ctest: it needs a build
# of its own (preset coverage, folder build/coverage).
#   tests/coverage.sh [FLOOR_PERCENT]      default 85
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
floor=${1:-85}
build=build/coverage

cmake --preset coverage >/dev/null
cmake --build $build
find $build -name '*.gcda' -delete
ctest --test-dir $build --output-on-failure -L 'unit|integration' -j "$(nproc)"

# gcov says for each source file "File 'NAME'" and "Lines executed:PERCENT% of COUNT"; headers come up many times
# and are left out.
find $build -name '*.gcda' -path '*/room_*' -print0 | xargs -0 gcov -n -r -s "$PWD" 2>/dev/null | awk -v floor="$floor" '
    /^File / { file = $2; gsub("\047", "", file) }
    /^Lines executed:/ && file ~ /^src\/.*\.c$/ {
        split($2, part, /[:%]/)
        printf "%6.2f%% of %5d  %s\n", part[2], $NF, file
        hit += part[2] * $NF / 100
        all += $NF
    }
    END {
        if (all == 0) {
            print "coverage: no data"
            exit 1
        }
        printf "coverage: %.1f%% of %d lines, floor %d%%\n", 100 * hit / all, all, floor
        exit 100 * hit / all < floor
    }' | sort
