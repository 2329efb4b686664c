# What a line of C is made of, for the other scripts of this folder: awk -f c_text.awk -f OTHER.awk FILE...
# A script sets in_comment to 0 at the beginning of each file.

# Sets code (texts emptied, comments dropped), text (what stands within texts, escapes as they are written), comment,
# and has_line_comment.
function split_line(line,    i, n, c, two, quote)
{
    code = ""
    text = ""
    comment = ""
    has_line_comment = 0
    n = length(line)
    quote = ""
    for (i = 1; i <= n; i++) {
        c = substr(line, i, 1)
        two = substr(line, i, 2)
        if (in_comment) {
            in_comment = two != "*/"
            comment = comment (in_comment ? c : " ")
            i += !in_comment
        } else if (quote != "") {
            text = text c
            if (c == "\\") {
                i++
                text = text substr(line, i, 1)
            } else if (c == quote) {
                code = code c
                quote = ""
            }
        } else if (two == "/*") {
            in_comment = 1
            i++
        } else if (two == "//") {
            has_line_comment = 1
            return
        } else {
            code = code c
            if (c == "\"" || c == "'") {
                quote = c
            }
        }
    }
}
