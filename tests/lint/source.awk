# Reads the files named as arguments; prints FILE:LINE: what is wrong; exits 1 if anything is.
# In C each line is split into code, text and comment (c_text.awk) before the rules look at it.

BEGIN {
    everywhere = "sprintf|vsprintf|strcpy|stpcpy|strcat|strncpy|strncat|strtok|atoi|atol|atof|gets|alloca"
    in_product = "snprintf|vsnprintf|malloc|calloc|realloc|free|strdup|strndup|assert|time|localtime|gmtime"
    # Put together here so that this file does not trip over itself.
    marks = "TO" "DO|FIX" "ME|XX" "X|HA" "CK|place" "holder|for " "now"
    n_wrong = 0
    # long_files.txt: files that were longer when the rule came. They may only shrink.
    while (long_files != "" && (getline row < long_files) > 0) {
        if (split(row, words, " ") == 2 && words[1] + 0 > 0) {
            allowed[words[2]] = words[1]
        }
    }
}

FNR == 1 {
    check_length()
    file = FILENAME
    is_c = file ~ /\.[ch]$/
    is_product = file ~ /^(src|include)\//
    is_base = file ~ /^(src|include)\/base\//
    in_comment = 0
    body = 0
}

{
    lines = FNR
    text = $0
    gsub(/\|place[h]older\|/, "|", text) # the name of an HTML attribute in a list of names
    if (match(text, "(^|[^A-Za-z])(" marks ")([^A-Za-z]|$)")) {
        wrong("unfinished work: \"" substr(text, RSTART, RLENGTH) "\"")
    }
    if (!is_c) {
        next
    }
    # The layout is clang-format's: the braces around a body stand alone at the margin.
    if ($0 == "{") {
        body = FNR
    } else if ($0 == "}" && body > 0) {
        if (FNR - body - 1 > 60) {
            wrong("a function of " FNR - body - 1 " lines, more than 60")
        }
        body = 0
    }
    split_line($0)
    if (has_line_comment) {
        wrong("comments are /* */")
    }
    ban(everywhere, 0)
    if (is_product) {
        ban(in_product, is_base)
        if (text ~ /[{,][ ]*\\"[A-Za-z_]+\\"[ ]*:[^%]*%/) {
            wrong("JSON by format string: use json_writer or data/json")
        }
    }
}

END {
    check_length()
    exit n_wrong > 0
}

function check_length()
{
    most = !is_product ? 700 : file in allowed ? allowed[file] : 500
    if (file != "" && lines > most) {
        print file ": " lines " lines, more than " most
        n_wrong++
    } else if (file in allowed && lines <= 500) {
        print file ": " lines " lines: its row in tests/lint/long_files.txt may go"
    }
}

function wrong(what)
{
    print file ":" FNR ": " what
    n_wrong++
}

# A call (or the definition) of a banned function; members (x.free, x->free) are ours to name.
function ban(names, exempt,    rest, name)
{
    rest = " " code
    while (!exempt && match(rest, "[^A-Za-z0-9_.>](" names ")[ ]*\\(")) {
        name = substr(rest, RSTART + 1, RLENGTH - 2)
        wrong(name "() is banned here (src/README.md, \"Memory and sizes\")")
        rest = substr(rest, RSTART + RLENGTH)
    }
}
