#!/usr/bin/env bash
# The frame of the self-tests: one planted line at a time, which a check must refuse or let through. To be sourced.
# The script that sources it sets `scratch` and defines
#   plant   fills the empty folder $scratch with a tree that the check accepts
#   check   runs the check over $scratch
: "${scratch:?the script that sources this one sets it}"
failed=0

# expect ACCEPTED|REFUSED FILE LINE [TEXT]: the planted tree with LINE as FILE; TEXT is what the refusal says.
expect() {
    local want=$1 file=$2 line=$3 text=${4:-} got=ACCEPTED output
    rm -rf "$scratch"
    mkdir -p "$scratch"
    plant
    mkdir -p "$(dirname "$scratch/$file")"
    printf '%s\n' "$line" >"$scratch/$file"
    output=$(check 2>&1) || got=REFUSED
    if [ "$got" != "$want" ] || [[ $output != *"$text"* ]]; then
        printf '%s: %s: %s, expected %s %s\n%s\n' "$file" "$line" "$got" "$want" "$text" "$output"
        failed=1
    fi
}

finish() {
    rm -rf "$scratch"
    exit "$failed"
}
