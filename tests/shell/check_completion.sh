#!/usr/bin/env bash
# The completion scripts are loaded and asked; the manual page is set. bash is always there; zsh, fish, groff and
# mandoc are used where they are, and named where they are not.
#   check_completion.sh BINARY SCRATCH
set -euo pipefail
binary=$1
scratch=$2/completion
mkdir -p "$scratch"

fail() {
    echo "failed: $*" >&2
    exit 1
}

# wants SHELL "words so far" "a completion that must be there"
wants() {
    case " $(ask_"$1" "$2" | tr '\n\t' '  ') " in
    *" $3 "*) ;;
    *) fail "$1: \"$2\" is not completed to \"$3\" but to: $(ask_"$1" "$2" | tr '\n' ' ')" ;;
    esac
}

ask_bash() {
    bash --norc -c '
        source "$1"
        read -r -a COMP_WORDS <<<"$2"
        case $2 in *" ") COMP_WORDS+=("") ;; esac
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        COMPREPLY=()
        _virtuoso_proxy
        printf "%s\n" "${COMPREPLY[@]}"' bash "$scratch/script.bash" "$1"
}

ask_zsh() {
    zsh -f -c '
        source "$1"
        setopt ksharrays
        COMP_WORDS=(${=2})
        case $2 in *" ") COMP_WORDS+=("") ;; esac
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        PREFIX=${COMP_WORDS[COMP_CWORD]} # set by the completion system; its compgen looks for files by it
        COMPREPLY=()
        _virtuoso_proxy
        print -l -- "${COMPREPLY[@]}"' zsh "$scratch/script.zsh" "$1"
}

ask_fish() {
    # shellcheck disable=SC2016 # fish expands them
    HOME=$scratch fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$scratch/script.fish" "$1"
}

check() {
    "$binary" completion "$1" >"$scratch/script.$1"
    wants "$1" "virtuoso-proxy ser" serve
    wants "$1" "virtuoso-proxy serve --s" --sandbox
    wants "$1" "virtuoso-proxy completion " bash
    wants "$1" "virtuoso-proxy command step-" step-interact
    wants "$1" "virtuoso-proxy command step-interact " double-click
    wants "$1" "virtuoso-proxy command step-data store " element-text
    wants "$1" "virtuoso-proxy command step-interact click --p" --position-on-element
    wants "$1" "virtuoso-proxy command create-" create-journey
    wants "$1" "virtuoso-proxy run -o " yaml
    wants "$1" "virtuoso-proxy run --output j" json
    wants "$1" "virtuoso-proxy convert --to " sentences
    wants "$1" "virtuoso-proxy serve --set up" upstream.timeout_ms=
    wants "$1" "virtuoso-proxy help ru" run
    wants "$1" "virtuoso-proxy man " testfile
    wants "$1" "virtuoso-proxy command --checkpoint 1 step-interact cl" click
    wants "$1" "virtuoso-proxy command step-interact click x --position-on-element TOP" TOP_LEFT
    # only files that may be meant: tests to run, XML for a report
    wants "$1" "virtuoso-proxy run $files" "$files"a.yaml
    wants "$1" "virtuoso-proxy run --junit $files" "$files"b.xml
    case " $(ask_"$1" "virtuoso-proxy run $files" | tr '\n' ' ') " in
    *b.xml* | *c.txt*) fail "$1: files that are not tests are offered" ;;
    esac
    [ -z "$(ask_"$1" "virtuoso-proxy run --timeout ")" ] || fail "$1: something is offered for a number"
    echo "$1: completes"
}

cd "$scratch" # words are split at blanks here, and the path may hold some
files=files/
mkdir -p "$files"
touch "$files"a.yaml "$files"b.xml "$files"c.txt
check bash
wants bash "virtuoso-proxy serve --set log.level = " debug # bash makes words of its own of KEY=VALUE
for shell in zsh fish; do
    if command -v "$shell" >/dev/null; then
        check "$shell"
        wants "$shell" "virtuoso-proxy serve --set log.level=d" log.level=debug
    else
        echo "$shell: not here, its script was not loaded"
    fi
done
if "$binary" completion ksh 2>/dev/null; then
    fail "an unknown shell is taken"
fi

"$binary" man >"$scratch/virtuoso-proxy.1"
for section in NAME SYNOPSIS COMMANDS "EXIT STATUS" ENVIRONMENT EXAMPLES; do
    grep -q "^\.SH \"\{0,1\}$section" "$scratch/virtuoso-proxy.1" || fail "the manual page has no section $section"
done
"$binary" man testfile >"$scratch/virtuoso-proxy-testfile.5"
if command -v groff >/dev/null; then
    complaints=$(groff -man -ww -z "$scratch/virtuoso-proxy-testfile.5" 2>&1)
    [ -z "$complaints" ] || fail "groff, of the page of test files: $complaints"
    complaints=$(groff -man -ww -z "$scratch/virtuoso-proxy.1" 2>&1)
    [ -z "$complaints" ] || fail "groff: $complaints"
    groff -man -Tascii -P-cbou "$scratch/virtuoso-proxy.1" >"$scratch/page" 2>/dev/null
    grep -q 'virtuoso-proxy run' "$scratch/page" || fail "the page lacks run"
    echo "groff: no complaint"
fi
if command -v mandoc >/dev/null; then
    mandoc -Tlint -Wwarning "$scratch/virtuoso-proxy.1" || fail "mandoc has warnings"
    echo "mandoc: no warning"
fi
