# SPDX-License-Identifier: Apache-2.0
#
# Packs a text of ASCII into an array of C, of the name that is given as name=. A
# byte below 128 is itself; one above it, less 128, is 4 less than the length of a
# piece that has been there before, and the two bytes that follow tell how many
# bytes before. A zero ends it.

function fail(why) {
    print "pack: " why > "/dev/stderr"
    failed = 1
    exit 1
}

function put(byte) {
    line = line byte ","
    if (length(line) > 95) {
        print line
        line = ""
    }
}

# Makes what begins at i known.
function remember(i,    piece) {
    piece = substr(text, i, 4)
    before[i] = last[piece]
    last[piece] = i
}

# The longest piece that is also at i: its length, and in place where it was.
function find(i,    at, n, best, tries) {
    best = 0
    at = last[substr(text, i, 4)]
    for (tries = 0; at && i - at < 65536 && tries < 48; tries++) {
        if (!best || substr(text, at + best, 1) == substr(text, i + best, 1)) {
            n = 4
            while (n < 131 && i + n <= size && substr(text, at + n, 1) == substr(text, i + n, 1))
                n++
            if (n > best) {
                best = n
                place = at
            }
        }
        at = before[at]
    }
    return best
}

BEGIN {
    for (i = 1; i < 128; i++)
        code[sprintf("%c", i)] = i
}

{ text = text $0 "\n" }

END {
    if (failed)
        exit 1
    size = length(text)
    print "const unsigned char " name "[] = {"
    for (i = 1; i <= size; i += n) {
        n = i + 3 <= size ? find(i) : 0
        if (n) {
            put(128 + n - 4)
            put(int((i - place) / 256))
            put((i - place) % 256)
        } else {
            n = 1
            if (!(substr(text, i, 1) in code))
                fail("not ASCII: " substr(text, i, 20))
            put(code[substr(text, i, 1)])
        }
        for (k = i; k < i + n; k++)
            remember(k)
    }
    print line "0\n};"
}
