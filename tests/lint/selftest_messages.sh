#!/usr/bin/env bash
# Proves that check_messages.sh finds the messages in C sources, refuses what it should and lets the rest through.
# Argument: scratch folder.
set -euo pipefail
scratch=$1
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lint/selftest.sh
. "$here/selftest.sh"

plant() {
    mkdir -p "$scratch/src/base" "$scratch/include"
    printf 'int a;\n' >"$scratch/src/base/a.c"
}

check() {
    bash "$here/check_messages.sh" "$scratch" && bash "$here/list_messages.sh" "$scratch"
}

expect ACCEPTED src/api/a.c 'f("the file %s" /* a "quote" */ " is " "longer");' 'src/api/a.c:1: the file %s is longer'
expect ACCEPTED src/api/a.c 'f("read %" PRIu64 " bytes of it");' 'src/api/a.c:1: read % bytes of it'
expect ACCEPTED src/api/a.c 'f("{\"name of\": \"the the thing\"}"); /* "the the comment" */'
expect ACCEPTED src/api/a.c 'f("step-interact click"); g("navigate");'
expect ACCEPTED src/api/a.c 'f("the colour of %s is not known; write red");'
expect ACCEPTED src/api/a.c 'f("from 1 to 21 steps were created");'
expect ACCEPTED src/api/a.c 'f("there is no command of this name");'
expect REFUSED src/api/a.c 'f("the color of %s is not known; write red");' 'another spelling'
expect REFUSED src/api/a.c 'f("the the colour is not known");' '"the" stands twice'
expect REFUSED src/api/a.c 'f("1 steps were created");' 'in the plural'
expect REFUSED src/api/a.c 'f("%s is no URL that is known");' 'is not a'
expect REFUSED src/api/a.c 'f("the position belongs into " "position");' 'goes into'
expect REFUSED README.md 'The color of the the page' 'README.md:1:'
finish
