# SPDX-License-Identifier: Apache-2.0
#
# Takes comments, indentation and needless blanks out of JavaScript (kind=js) or
# CSS (kind=css), and ends of lines where a statement can't end. It relies on the
# style of the files here: comments are on lines of their own, a string, a template
# and a regular expression is on one line, and templates are not nested.

function is_word(c) {
    return c ~ /[A-Za-z0-9_$\200-\377]/
}

# The length of the literal that begins at the start of text, 0 if none does.
function literal(text, before,    c, i, quote, in_class) {
    quote = substr(text, 1, 1)
    if (quote == "/" && (kind != "js" || before !~ /(^|[(,=:!&|?{};+>]|return)$/))
        return 0
    if (quote !~ /["'`\/]/)
        return 0
    for (i = 2; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "\\")
            i++
        else if (c == "[" || c == "]")
            in_class = c == "["
        else if (c == quote && !(quote == "/" && in_class))
            return i
    }
    return 0
}

# Whether a blank may go from between two characters.
function is_needless(a, b) {
    if (kind == "css")
        return a ~ /[{};:,]/ || b ~ /[{}]/
    return !(is_word(a) && is_word(b)) && !(a == b && a ~ /[-+]/)
}

function squeeze(text,    out, n, c) {
    out = ""
    while (text != "") {
        n = literal(text, out)
        if (n) {
            out = out substr(text, 1, n)
            text = substr(text, n + 1)
            continue
        }
        c = substr(text, 1, 1)
        text = substr(text, 2)
        if (c != " " || (out != "" && !is_needless(substr(out, length(out)), substr(text, 1, 1))))
            out = out c
    }
    return out
}

/^[ \t]*(\/\/|\/\*.*\*\/$)/ || /^[ \t]*$/ { next }

{
    sub(/^[ \t]+/, "")
    if (kind == "js")
        sub(/ \/\/ [^'"`]*$/, "")
    line = squeeze($0)
    # A line that begins with one of these goes on with the one before.
    if (NR > 1 && last !~ /[{,;(&|?:=]$/ && !(kind == "css") && line !~ /^[?:&|.)]/)
        printf "\n"
    printf "%s", line
    last = line
}

END { print "" }
