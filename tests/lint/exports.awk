# Reads headers and sources of ours; prints each function that a header declares and that no file uses
# but the one that defines it: such a function is dead, or it can be static. Exits 1 if there is any.
# Tests, fuzzers and benchmarks count as users, as does an inline function of the header. Needs c_text.awk.

FNR == 1 {
    is_header = FILENAME ~ /\.h$/ && FILENAME ~ /^(src|include)\//
    in_comment = 0
    in_list = 0
}

{
    split_line($0)
    line = code
}

# A declaration begins in the first column; a call never does.
line ~ /^[a-z]/ && line !~ /^(static|typedef|struct [a-z_0-9]+ \{|enum [a-z_0-9]* ?\{|return|else)/ {
    if (match(line, /[a-z_][a-z_0-9]*\(/)) {
        name = substr(line, RSTART, RLENGTH - 1)
        if (is_header) {
            declared[name] = FILENAME ":" FNR
        } else {
            defined[name] = FILENAME
        }
    }
}

# Several functions of one type: handler handle_a, handle_b;
is_header && line ~ /^handler / {
    in_list = 1
    sub(/^handler /, "", line)
}

in_list {
    rest = line
    while (match(rest, /[a-z_][a-z_0-9]*/)) {
        declared[substr(rest, RSTART, RLENGTH)] = FILENAME ":" FNR
        rest = substr(rest, RSTART + RLENGTH)
    }
    in_list = line !~ /;/
}

{
    while (match(line, /[A-Za-z_][A-Za-z_0-9]*/)) {
        word = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        if (is_header && code ~ /^[ \t]/ && line ~ /^\(/) {
            called_inline[word] = 1
        }
        if (users[word] == "" || last[word] != FILENAME) {
            users[word] = users[word] " " FILENAME
            last[word] = FILENAME
        }
    }
}

END {
    for (name in declared) {
        n = split(users[name], files, " ")
        used = name in called_inline
        split(declared[name], where, ":")
        for (i = 1; i <= n; i++) {
            used = used || (files[i] != where[1] && files[i] != defined[name])
        }
        if (!used) {
            print declared[name] ": " name "() is used by no other file: delete it or make it static"
            n_wrong++
        }
    }
    exit n_wrong > 0
}
