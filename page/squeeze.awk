# SPDX-License-Identifier: Apache-2.0
#
# Takes comments, indentation and needless blanks out of JavaScript (kind=js) or
# CSS (kind=css), and ends of lines where a statement can't end; what JavaScript gives
# names of its own gets short ones. A file of JavaScript is to be given twice, once to
# find these names. It relies on the style of the files here: comments are on lines of
# their own, a string, a template and a regular expression is on one line, templates
# are not nested, and a property without a dot or a colon is one of objects made here.

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

# The word at the start of text, empty if there is none.
function word(text) {
    return match(text, /^[A-Za-z_$\200-\377][A-Za-z0-9_$\200-\377]*/) ? substr(text, 1, RLENGTH) : ""
}

# Counts a name, and notes what it is: declared here, or some property of something.
function note(name, before, after) {
    uses[name]++
    if (before ~ /(^|[^.])\.$/ || (after ~ /^ ?:/ && before ~ /(^|[{,] ?)$/) || (destructured && before !~ /}/))
        foreign[name]
    if (after ~ /^ =([^=]|$)/ || before ~ /(^|[^A-Za-z])(const|let|function|class) $/)
        declared[name]
}

# The most used names get the shortest of those that are free.
function shorten(    letters, name, most, best, i, n) {
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
    for (;;) {
        most = 0
        for (name in declared)
            if (!(name in foreign) && !(name in short) && length(name) > 2 &&
                    (uses[name] > most || (uses[name] == most && name < best))) {
                best = name
                most = uses[name]
            }
        if (!most)
            return
        do {
            i = n % length(letters)
            name = (n >= length(letters) ? substr(letters, int(n / length(letters)), 1) : "") substr(letters, i + 1, 1)
            n++
        } while (name in uses || name ~ /^(do|if|in|of|as)$/)
        short[best] = name
    }
}

# A template's text stays, what it has between ${ and } is code.
function template(text,    out, i, n) {
    while (i = index(text, "${")) {
        out = out substr(text, 1, i + 1)
        text = substr(text, i + 2)
        n = index(text, "}")
        out = out squeeze(substr(text, 1, n - 1)) "}"
        text = substr(text, n + 1)
    }
    return out text
}

function squeeze(text,    out, n, c, name) {
    out = ""
    while (text != "") {
        n = literal(text, out)
        if (n) {
            c = substr(text, 1, n)
            out = out (c ~ /^`/ ? template(c) : c)
            text = substr(text, n + 1)
            continue
        }
        c = substr(text, 1, 1)
        name = kind == "js" && !is_word(substr(out, length(out))) ? word(text) : ""
        if (name != "") {
            if (NR == FNR)
                note(name, out, substr(text, length(name) + 1, 3))
            text = substr(text, length(name) + 1)
            out = out (name in short ? short[name] : name)
            continue
        }
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
    if (FNR < NR && !shortened++)
        shorten()
    destructured = /^(const|let) \{/
    line = squeeze($0)
    gsub(/;}/, "}", line)
    if (kind == "js" && NR == FNR)
        next
    # A line that begins with one of these goes on with the one before.
    if (last != "" && last !~ /[{,;(&|?:=]$/ && !(kind == "css") && line !~ /^[?:&|.)]/)
        printf "\n"
    # A semicolon waits for what comes next, as none is needed before a brace.
    printf "%s%s", line ~ /^}/ ? "" : semicolon, substr(line, 1, length(line) - (line ~ /;$/))
    semicolon = line ~ /;$/ ? ";" : ""
    last = line
}

END { print semicolon }
