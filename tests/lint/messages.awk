# Lists what the program may say: string literals of C sources that hold words, a line each: "FILE:LINE: TEXT".
# Literals that follow each other are one text; a macro between them is "%". JSON, HTML, patterns and command
# lines are left out.
# awk -f messages.awk FILE...

function is_code(text) {
    return text ~ /^[[:space:]]*[{[<]/ || text ~ /\{\\"|<\/|[a-z]:[a-z0-9#-]+;|^#|^\/|^Content-|^HTTP\/|COMP_WORDS|; then|string match|^complete -c/
}

# words without the marks of a sentence: an example, an alias, a list of names
function is_names(text) {
    return text !~ /[.;!?]|%|^[A-Z][a-z]+ [a-z]|(^| )(is|are|has|takes|needs|must|not|of|to|into|the|a|in|for) / &&
           text ~ /^step-[a-z]|^[a-z]+: |[a-z]=[a-z~]|^[A-Za-z_]+( [A-Za-z_]+)+$/
}

function is_message(text,    n, words, i, n_words) {
    if (is_code(text) || is_names(text) || text ~ /[a-z]\|[a-z]/) {
        return 0
    }
    n = split(text, words, /[[:space:]]+/)
    for (i = 1; i <= n; i++) {
        n_words += words[i] ~ /^[("]*[A-Za-z][a-z'-]*[").,:;?]*$/ ? 1 : 0
    }
    return n_words >= 2
}

function end_text() {
    if (text != "" && is_message(text)) {
        gsub(/\\n/, " ", text)
        gsub(/\\"/, "\"", text)
        gsub(/[[:space:]]+/, " ", text)
        sub(/^ /, "", text)
        sub(/ $/, "", text)
        printf "%s:%d: %s\n", name, line, text
    }
    text = ""
    is_open = 0
    gap = 0
}

FNR == 1 {
    end_text()
    in_comment = 0
    name = FILENAME
}

/^#[[:space:]]*include/ { next }

{
    rest = $0
    while (rest != "") {
        if (in_comment) {
            at = index(rest, "*/")
            in_comment = at == 0
            rest = at == 0 ? "" : substr(rest, at + 2)
        } else if (match(rest, /^[[:space:]\\]+/)) {
            rest = substr(rest, RLENGTH + 1)
        } else if (substr(rest, 1, 2) == "/*") {
            in_comment = 1
            rest = substr(rest, 3)
        } else if (match(rest, /^"([^"\\]|\\.)*"/)) {
            line = is_open ? line : FNR
            text = text (gap && text !~ /%$/ ? "%" : "") substr(rest, 2, RLENGTH - 2)
            is_open = 1
            gap = 0
            rest = substr(rest, RLENGTH + 1)
        } else if (is_open && match(rest, /^[A-Z][A-Z0-9_a-z]*/)) {
            gap = 1 # PRIu64, VP_VERSION
            rest = substr(rest, RLENGTH + 1)
        } else {
            if (!match(rest, /^'([^'\\]|\\.)*'/) && !match(rest, /^[A-Za-z0-9_]+/)) {
                RLENGTH = 1
            }
            end_text()
            rest = substr(rest, RLENGTH + 1)
        }
    }
}

END { end_text() }
