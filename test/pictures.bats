#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Flame graphs: the HTML page and the SVG picture, as files and in a browser.
#
# What a person does with them is done by page/browse.mjs. It takes a Chromium
# ($CHROMIUM, else as it is usually called) and playwright-core, which
#     npm install --prefix ~/.cache/pyflame/npm playwright-core axe-core
# installs ($PYFLAME_NPM is another folder); axe-core for one of the tests.

load helper

hostile_names=(
    '<script>hacked=1</script>' '</script><img src=x onerror=hacked=1>' ']]><script>hacked=1</script>'
    "\"'&amp" $'esc\e[31m' $'bad\xff' $'not\xef\xbf\xbexml' 'semi\x3bcolon' 'new\x0aline' '日本語' 'Ａ' '😀'
)

# All that is looked at, in the folder $1.
make_pictures() {
    cd "$1" || return
    local name i title
    cp "$tests/page/small.json" small.json
    sed 's/"by_thread":false/"by_thread":true/; s/"by_process":false/"by_process":true/
        s/"worker"/"<img src=x>\\u003b\\n\\\\"/' small.json > by-thread.json
    sed 's/"total":200,"idle":40/"total":560,"idle":400/' small.json > mostly.json
    sed 's/"total":200/"total":560/; s/"count":\(.*\),50,0,25\]/"count":\1,410,0,25]/
        s/\("idle":\[.*\),40,0,0\]/\1,400,0,0],"gil":[0,0,0,0,0,0,0,0,0,400,0,0]/' small.json > contended.json
    printf '/srv/app.py:main:%d;/srv/app.py:work:%d 5\n' 1 7 1 9 2 7 2 8 > crumbs.folded
    printf '(idle) 90\n' > waiting.folded
    for i in "${!hostile_names[@]}"; do
        printf '/srv/%s.py:%s:%d %d\n' "${hostile_names[i]}" "${hostile_names[i]}" $((i + 1)) $((i + 5))
    done > hostile.folded
    printf '<template>:root:3 4\n' >> hostile.folded
    printf '/srv/app.py:%s\n' 'grown:1 100' 'shrunk:2 100' > compared.folded
    printf '/srv/app.py:%s\n' 'grown:1 100' 'shrunk:2 800' 'gone:3 100' > earlier.folded
    awk 'BEGIN {
        for (i = 0; i < 10000; i++) {
            printf "/srv/main.py:group_%d:1", i % 10
            for (k = 0; k < 10; k++)
                printf ";/srv/module_%d.py:function_%d_%d:%d", i % 100, i, k, k + 1
            print " " i % 7 + 1
        }
    }' > many.folded
    : > empty.folded
    title=
    for name in {small,mostly,contended,by-thread}.json {waiting,crumbs}.folded many.folded empty.folded hostile.folded; do
        [ "$name" != hostile.folded ] || title='</title></script><script>hacked=1</script> & "co"'
        "$pyflame" -q -i "$name" --title "$title" -o "${name%.*}.html" || return
        "$pyflame" -q -i "$name" --title "$title" -o "${name%.*}.svg" || return
        "$pyflame" -q -i "$name" -f collapsed > "${name%.*}.txt" || return
    done
    for name in html svg txt; do
        "$pyflame" -q -i compared.folded --diff earlier.folded -o "compared.$name" || return
    done
}

# The pictures are made once, in $pictures.
with_pictures() {
    requires format=html format=svg
    pictures=$BATS_FILE_TMPDIR/pictures
    [ -d "$pictures" ] && return
    mkdir "$pictures"
    (make_pictures "$pictures")
}

# The first that is asked for makes all checks run.
in_browser() {
    local name results=$BATS_FILE_TMPDIR/results
    requires node
    for name in ${CHROMIUM:-chromium chromium-browser google-chrome}; do
        CHROMIUM=$(command -v "$name") && break
    done
    [ -n "$CHROMIUM" ] || skip "needs chromium"
    export CHROMIUM PYFLAME_NPM=${PYFLAME_NPM:-$HOME/.cache/pyflame/npm}
    [ -d "$PYFLAME_NPM/node_modules/playwright-core" ] || skip "needs npm's playwright-core"
    with_pictures
    [ -e "$results" ] || timeout -k 5 300 node "$tests/page/browse.mjs" "$pictures" > "$results" 2>&1 3>&- || :
    grep -F -- "# $1" "$results" || :
    grep -qxF -- "ok $1" "$results" && return
    grep -F -- "not ok $1" "$results" || cat "$results"
    return 1
}

# --- files --------------------------------------------------------------------

@test "a running program's profile is written as a page and as a picture" {
    find_python
    start_target sleeper "$python" 2
    run_pyflame 0 -s 0.3 --threads -o run.html "$pid"
    equal "$(head -c 15 run.html)" '<!doctype html>'
    grep -q "\"pid\":$pid," run.html
    run_pyflame 0 -s 0.3 --threads -f svg "$pid"
    grep -q '^<title>\|<g><title>busy$' stdout
    grep -q '^</svg>$' stdout
}

@test "a page has all that it says, and can be read again" {
    with_pictures
    run_pyflame 0 -i "$pictures/small.html" -f collapsed
    cmp stdout "$pictures/small.txt"
    run_pyflame 0 -i "$pictures/hostile.html" -f collapsed
    cmp stdout "$pictures/hostile.txt"
}

@test "without its data the page has 40 KB or less" {
    local all data
    with_pictures
    all=$(wc -c < "$pictures/small.html")
    data=$("$pyflame" -i "$pictures/small.json" -f json | wc -c)
    echo "$((all - data)) bytes"
    [ "$((all - data))" -le 40960 ]
    [ "$((all - data))" -gt 1000 ]
}

@test "the page asks for nothing from elsewhere, and permits itself only what it has" {
    with_pictures
    lacks "$(sed '/^<script type=/,/^<\/script>/d' "$pictures/small.html" | grep -v w3.org)" 'https?:|//[a-z]+\.|unsafe|eval\('
    grep -q "default-src 'none'" "$pictures/small.html"
    equal "$(grep -oE "'sha256-[A-Za-z0-9+/]{43}='" "$pictures/small.html" | sort -u | wc -l)" 2
}

@test "no name ends the data of a page" {
    with_pictures
    equal "$(grep -c '</script>' "$pictures/hostile.html")" 2
    lacks "$(cat "$pictures/hostile.html")" $'\e'
}

@test "a picture is well-formed XML, whatever the names are" {
    local name
    requires python3
    with_pictures
    for name in small by-thread hostile compared empty many; do
        echo "$name"
        python3 - "$pictures/$name.svg" << 'END'
import sys
from xml.etree import ElementTree
SVG = '{http://www.w3.org/2000/svg}'
tree = ElementTree.parse(sys.argv[1])
frames = tree.findall('.//*[@id="frames"]/%sg' % SVG)
assert frames
for frame in frames:
    name, place, numbers = frame.find(SVG + 'title').text.split('\n')
    rect = frame.find(SVG + 'rect')
    assert name and 10 <= float(rect.get('x')) <= 1190 and float(rect.get('width')) >= .1
    assert float(rect.get('x')) + float(rect.get('width')) <= 1190.02
    assert all(ord(c) >= 32 and ord(c) != 127 for c in name + place), name
END
    done
}

@test "a picture has a title and a role" {
    with_pictures
    grep -q '^<svg .* role="graphics-document" aria-labelledby="title" width="1200" ' "$pictures/small.svg"
    grep -q '^<title id="title">python3 app.py – flame graph</title>$' "$pictures/small.svg"
    grep -qF '<title id="title">&lt;/title&gt;&lt;/script&gt;' "$pictures/hostile.svg"
}

@test "other programs can draw the picture" {
    requires rsvg-convert
    with_pictures
    rsvg-convert "$pictures/hostile.svg" > hostile.png
    equal "$(head -c 4 hostile.png | tail -c 3)" PNG
}

@test "the same profile makes the same picture" {
    with_pictures
    run_pyflame 0 -i "$pictures/small.json" -o again.svg
    cmp again.svg "$pictures/small.svg"
}

@test "a picture leaves out what nobody would see" {
    with_pictures
    echo "$(grep -c '^<g><title>' "$pictures/many.svg") frames in $(wc -c < "$pictures/many.svg") bytes"
    [ "$(grep -c '^<g><title>' "$pictures/many.svg")" -lt 80000 ]
    [ "$(grep -c '^<g><title>group_' "$pictures/many.svg")" = 10 ]
}

# The fill of a function's first frame, as the order of its red, green and blue.
hue_of() {
    awk -v name="<g><title>$1" '
        function value(at) { return index("0123456789abcdef", substr(fill, at, 1)) }
        $0 == name { mine = 1 }
        mine && match($0, /fill="#[0-9a-f]*"/) {
            fill = substr($0, RSTART + 7, 6)
            r = value(1) * 16 + value(2); g = value(3) * 16 + value(4); b = value(5) * 16 + value(6)
            hue = r > g && g > b ? "orange" : b > g && g > r ? "blue" : g > b && b > r ? "green" : "grey"
            print (r > b && b > g ? "pink" : hue)
            exit
        }' "$2"
}

@test "colours tell where code comes from" {
    with_pictures
    equal "$(hue_of main "$pictures/small.svg")" orange
    equal "$(hue_of load "$pictures/small.svg")" blue
    equal "$(hue_of decode "$pictures/small.svg")" green
    equal "$(hue_of sum "$pictures/small.svg")" pink
    equal "$(hue_of '(idle)' "$pictures/small.svg")" grey
}

@test "what a thread waits for is grey as well" {
    requires format=svg
    printf '%s\n' 'a.py:f:1;waits: lock 5' 'a.py:f:2 5' 'a.py:f:3;lock 5' > waits.txt
    run_pyflame 0 -i waits.txt -o waits.svg
    equal "$(hue_of 'waits: lock' waits.svg)" grey
    equal "$(hue_of lock waits.svg)" pink
    equal "$(hue_of f waits.svg)" orange
}

@test "a picture's idle samples are grey, those of a thread that worked as well, too" {
    with_pictures
    grep -q ', 40 idle</title><rect x="895.00" y="[0-9]*" width="295.00" height="16" fill="#[^a].*"/><rect x="954.00" y="[0-9]*" width="236.00" height="16" fill="#aaaaa8"/>' "$pictures/small.svg"
    grep -q ', 40 idle</title><rect x="69.00" y="[0-9]*" width="236.00" height="16" fill="#aaaaa8"/><text' "$pictures/small.svg"
}

@test "a picture's times add up to the run, whatever ticks were lost" {
    with_pictures
    grep -q '^200 samples, 100.00 %, 2060 ms, 80 idle</title>' "$pictures/small.svg"
    grep -q '^15 samples, 7.50 %, 155 ms</title>' "$pictures/small.svg"
    grep -q '^200 samples, 100.00 % (before' "$pictures/compared.svg"
}

@test "colours of a comparison: red for more, blue for less" {
    with_pictures
    matches "$(hue_of grown "$pictures/compared.svg")" 'orange|pink'
    equal "$(hue_of shrunk "$pictures/compared.svg")" blue
}

# --- in a browser -------------------------------------------------------------

@test "page: frames are where their samples put them" {
    in_browser "frames are where their samples put them"
}

@test "page: a click zooms, ancestors stay, Escape and the button go back" {
    in_browser "a click zooms, ancestors stay, Escape and the button go back"
}

@test "page: Back undoes a zoom, in motion, too" {
    in_browser "Back undoes a zoom, in motion, too"
}

@test "page: a flame stands on its root" {
    in_browser "a flame stands on its root"
}

@test "page: search counts what matches once, in percent" {
    in_browser "search counts what matches once, in percent"
}

@test "page: next and previous match" {
    in_browser "next and previous match"
}

@test "page: a match that is too narrow is zoomed to" {
    in_browser "a match that is too narrow is zoomed to"
}

@test "page: callers, merged from the leaves on" {
    in_browser "callers, merged from the leaves on"
}

@test "page: a table of functions, recursion counted once" {
    in_browser "a table of functions, recursion counted once"
}

@test "page: the table has no button that does nothing, and its rows and headings are large" {
    in_browser "the table has no button that does nothing, and its rows and headings are large"
}

@test "page: a file is shown with its brackets where they are" {
    in_browser "a file is shown with its brackets where they are"
}

@test "page: a pointer that stays where it is does no harm" {
    in_browser "a pointer that stays where it is does no harm"
}

@test "page: what is under the pointer is told beside it" {
    in_browser "what is under the pointer is told beside it"
}

@test "page: the heaviest functions stand beside a wide graph" {
    in_browser "the heaviest functions stand beside a wide graph"
}

@test "page: callers and callees of a function" {
    in_browser "callers and callees of a function"
}

@test "page: threads and processes can be chosen" {
    in_browser "threads and processes can be chosen"
}

@test "page: boxes of threads have their names, without what is the same in all" {
    in_browser "boxes of threads have their names, without what is the same in all"
}

@test "page: lines can be left out" {
    in_browser "lines can be left out"
}

@test "page: lines are off at first where they break functions into crumbs" {
    in_browser "lines are off at first where they break functions into crumbs"
}

@test "page: a function has its lines, the hottest first, with counts" {
    in_browser "a function has its lines, the hottest first, with counts"
}

@test "page: siblings by name or by weight" {
    in_browser "siblings by name or by weight"
}

@test "page: idle time can be left out" {
    in_browser "idle time can be left out"
}

@test "page: what waited is grey, wherever it is" {
    in_browser "what waited is grey, wherever it is"
}

@test "page: a mostly idle profile opens with idle folded away, and says so" {
    in_browser "a mostly idle profile opens with idle folded away, and says so"
}

@test "page: times add up to the run, whatever ticks were lost" {
    in_browser "times add up to the run, whatever ticks were lost"
}

@test "page: the address holds the view" {
    in_browser "the address holds the view"
}

@test "page: an address of nonsense does no harm" {
    in_browser "an address of nonsense does no harm"
}

@test "page: what is saved is what pyflame prints" {
    in_browser "what is saved is what pyflame prints"
}

@test "page: a frame and a stack can be copied" {
    in_browser "a frame and a stack can be copied"
}

@test "page: keys do what buttons do" {
    in_browser "keys do what buttons do"
}

@test "page: a finger shows a frame, and zooms when it comes again" {
    in_browser "a finger shows a frame, and zooms when it comes again"
}

@test "page: two fingers stretch the graph, one moves it" {
    in_browser "two fingers stretch the graph, one moves it"
}

@test "page: a touchpad stretches and moves the graph" {
    in_browser "a touchpad stretches and moves the graph"
}

@test "page: a phone shows where a row of buttons goes on" {
    in_browser "a phone shows where a row of buttons goes on"
}

@test "page: dark and light, from the system and by the switch" {
    in_browser "dark and light, from the system and by the switch"
}

@test "page: the heading tells of the run" {
    in_browser "the heading tells of the run"
}

@test "page: the page fills its window, and follows it" {
    in_browser "the page fills its window, and follows it"
}

@test "page: everything has a name for those who cannot see it" {
    in_browser "everything has a name for those who cannot see it"
}

@test "page: axe finds nothing to complain of, in pages and pictures" {
    [ -d "${PYFLAME_NPM:-$HOME/.cache/pyflame/npm}/node_modules/axe-core" ] || skip "needs npm's axe-core"
    in_browser "axe finds nothing to complain of, in pages and pictures"
}

@test "page: a profile of nothing is shown, too" {
    in_browser "a profile of nothing is shown, too"
}

@test "page: hostile names are but names" {
    in_browser "hostile names are but names"
}

@test "page: it stays shut to what is not its own" {
    in_browser "it stays shut to what is not its own"
}

@test "page: a comparison: red is more, blue is less, what is gone can be seen" {
    in_browser "a comparison: red is more, blue is less, what is gone can be seen"
}

@test "page: 100,000 frames" {
    in_browser "100,000 frames"
}

@test "SVG: zoom and back" {
    in_browser "SVG: zoom and back"
}

@test "SVG: it fills its window, white or dark as a whole" {
    in_browser "SVG: it fills its window, white or dark as a whole"
}

@test "SVG: keys reach every frame" {
    in_browser "SVG: keys reach every frame"
}

@test "SVG: search" {
    in_browser "SVG: search"
}

@test "SVG: hostile names are but names" {
    in_browser "SVG: hostile names are but names"
}

@test "page: page and SVG have the same colours" {
    in_browser "page and SVG have the same colours"
}
