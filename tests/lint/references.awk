# Reads sources, scripts and documents; prints each file, path or section that they cite and that is not there.
#   awk -v known=LIST -f c_text.awk -f references.awk FILE...        LIST: every file and folder of the tree, one a line
# Looked at are comments of C files and of scripts, and everything of documents. Cited is what looks like
#   <name>.md, "Section title"    a heading of that file
#   <name>.md, <name>.c ...       a file of the tree, by its path or, in a comment, by its name alone
#   [text](path)                  in documents
#   +++ path, then +line          in a fence of `diff`: that line stands in that file

BEGIN {
    while ((getline line < known) > 0) {
        exists[line] = 1
        sub(/\/$/, "", line)
        exists[line] = 1
        n = split(line, parts, "/")
        by_name[parts[n]] = by_name[parts[n]] == "" ? line : by_name[parts[n]]
    }
    roots = "(src|include|tests|third_party|conf|bench|k8s|\\.github|\\.ci)/"
}

FNR == 1 {
    is_c = FILENAME ~ /\.[ch]$/
    is_document = FILENAME ~ /\.md$/
    folder = FILENAME
    sub(/[^\/]*$/, "", folder)
    in_comment = 0
    held = ""
    in_diff = 0
}

is_document && /^```/ {
    in_diff = $0 == "```diff"
    shown = ""
}

in_diff && /^[+]/ {
    check_diff($0)
    next
}

{
    if (is_c) {
        split_line($0)
        words = comment
    } else {
        words = is_document || $0 ~ /^[ ]*#/ ? $0 : ""
    }
    # A citation may be broken at a line's end: the line before is looked at together with this one.
    gsub(/^[ ]*\*[ ]?/, "", words)
    check_sections(held words)
    held = words ~ /\.md,[ ]*("[^"]*)?$/ ? words " " : ""
    check_paths(words)
    if (is_document) {
        check_links(words)
    }
}

END {
    exit n_wrong > 0
}

function wrong(what)
{
    print FILENAME ":" FNR ": " what
    n_wrong++
}

# Lines are compared without blanks at their ends and without a backslash that goes on in the next line.
function bare(line)
{
    sub(/[ \t]*\\?[ \t]*$/, "", line)
    sub(/^[ \t]*/, "", line)
    return line
}

function check_diff(line,    row)
{
    if (line ~ /^[+][+][+] /) {
        shown = substr(line, 5)
        if (!(shown in exists)) {
            wrong(shown " is not in the tree")
        } else if (!(shown in taken)) {
            taken[shown] = 1
            while ((getline row < shown) > 0) {
                stands[shown, bare(row)] = 1
            }
            close(shown)
        }
        return
    }
    if (!((shown, bare(substr(line, 2))) in stands)) {
        wrong("this line does not stand in " shown)
    }
}

# The path of a file that is cited from here; empty: there is none.
function resolve(name)
{
    if (name in exists) {
        return name
    }
    if ((folder name) in exists) {
        return folder name
    }
    return name !~ /\// && (name in by_name) ? by_name[name] : ""
}

function check_sections(line,    cited, file, title)
{
    while (match(line, /[A-Za-z0-9_.\/-]+\.md, "[^"]+"/)) {
        cited = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        file = cited
        sub(/, ".*/, "", file)
        title = cited
        sub(/^[^"]*"/, "", title)
        sub(/"$/, "", title)
        if (resolve(file) != "" && !has_section(resolve(file), title)) {
            wrong(file " has no section \"" title "\"")
        }
    }
}

function has_section(file, title,    line)
{
    if (!(file in read)) {
        read[file] = 1
        while ((getline line < file) > 0) {
            if (line ~ /^#+ /) {
                sub(/^#+ /, "", line)
                sections[file, line] = 1
            }
        }
        close(file)
    }
    return (file, title) in sections
}

function check_paths(line,    name)
{
    while (match(line, /[A-Za-z0-9_.*\/-]+\.(md|c|h|S|sh|cmake|awk|yaml|js)([^A-Za-z0-9_.(\/-]|[.]?$|[.] )/)) {
        name = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        sub(/[^A-Za-z0-9_*]+$/, "", name)
        # Others' files, patterns and examples are not ours to find.
        if (name ~ /[*]/ || name ~ /^[\/.]/ || (!is_document && !is_c && name !~ "^" roots && name !~ /\.md$/)) {
            continue
        }
        if (is_c && name !~ /\.(md|c|h|S|awk|cmake|sh)$/) {
            continue
        }
        if (is_document && name !~ "^" roots && name !~ /\.(md|c|h)$/) {
            continue
        }
        if (name ~ /^(mbedtls|psa|openssl|curl|uv|llhttp|sys)\//) {
            continue
        }
        if (resolve(name) == "" && resolve("include/" name) == "" && resolve("src/" name) == "" && resolve("tests/" name) == "") {
            wrong(name " is not in the tree")
        }
    }
}

function check_links(line,    target)
{
    gsub(/`[^`]*`/, "", line) # code
    while (match(line, /\]\([^)#: ]+[)#]/)) {
        target = substr(line, RSTART + 2, RLENGTH - 3)
        line = substr(line, RSTART + RLENGTH)
        if (target !~ /[.\/]/) { # a page that the program serves
            continue
        }
        if (!((folder target) in exists) && !(target in exists) && resolve(clean(folder target)) == "") {
            wrong("the link to " target " leads nowhere")
        }
    }
}

# a/b/../c is a/c
function clean(path)
{
    while (sub(/[^\/]+\/\.\.\//, "", path)) {
    }
    return path
}
