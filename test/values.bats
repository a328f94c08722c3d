#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Local variables and their values, as -d --locals prints them.

load helper

# --- values -------------------------------------------------------------------

# variables REGEX FILE: those lines of a dump that are variables with such names.
variables() {
    sed -nE "s/^    (($1) = .*)/\\1/p" "$2"
}

values_are_right() {
    requires format=report # such a build has them
    start_target values "$1" "${3:-1}" "$2" "$PWD/expected"
    run_pyflame 0 -d --locals "$pid" > /dev/null
    assert_unharmed "$pid"
    variables 'v[0-9]+' stdout | sort > seen
    sort expected > wanted
    equal "$(wc -l < seen)" "$2"
    diff wanted seen > differences || { head -n 20 differences; return 1; }
}

@test "2.7: values are what repr() says"    { each_python 2.7 values_are_right "$(many 200 2000)"; }
@test "3.6: values are what repr() says"    { also 3.6 values_are_right 2000; }
@test "3.7: values are what repr() says"    { also 3.7 values_are_right 2000; }
@test "3.8: values are what repr() says"    { also 3.8 values_are_right 2000; }
@test "3.9: values are what repr() says"    { also 3.9 values_are_right 2000; }
@test "3.10: values are what repr() says"   { also 3.10 values_are_right 2000; }
@test "3.11: values are what repr() says"   { each_python 3.11 values_are_right "$(many 200 2000)"; }
@test "3.12: values are what repr() says"   { also 3.12 values_are_right 2000; }
@test "3.13: values are what repr() says"   { also 3.13 values_are_right 2000; }
@test "3.14: values are what repr() says"   { also 3.14 values_are_right 2000; }
@test "newest: values are what repr() says" { each_python "$newest" values_are_right "$(many 200 2000)"; }
@test "32 bits: values are what repr() says" { also i386 values_are_right 2000; }

# --- variables ----------------------------------------------------------------

# locals_of FUNCTION: the variables of its frame, without the indent.
locals_of() {
    awk -v name="$1" '!/^    / { inside = $0 ~ "[:.]" name ":[0-9]+$" } inside && sub(/^    /, "")' stdout
}

variables_are_right() {
    requires format=report
    start_target locals "$1"
    run_pyflame 0 -d --locals "$pid"
    assert_unharmed "$pid"
    equal "$(locals_of wait)" ""
    equal "$(locals_of outer | sed "s/<function .*>/<function>/; s/^{.*/{}/")" "a = 1
b = 'changed'
args = (3, 4)
kwargs = {'last': 5}
shared = <function>
cell = [1]
inner = <function>"
    equal "$(locals_of inner)" "z = 5
local = (1, [1])
a = 1
cell = [1]"
    equal "$(locals_of generator)" "limit = 5
sent = 10"
    equal "$(locals_of Body)" "attribute = 'class'"
    equal "$(locals_of '<module>' | grep -v '^Old = ')" "marker = 'module'"
}

@test "2.7: arguments come first, then locals, cells, free variables"    { each_python 2.7 variables_are_right; }
@test "3.6: arguments come first, then locals, cells, free variables"    { also 3.6 variables_are_right; }
@test "3.8: arguments come first, then locals, cells, free variables"    { also 3.8 variables_are_right; }
@test "3.10: arguments come first, then locals, cells, free variables"   { each_python 3.10 variables_are_right; }
@test "3.11: arguments come first, then locals, cells, free variables"   { each_python 3.11 variables_are_right; }
@test "3.12: arguments come first, then locals, cells, free variables"   { also 3.12 variables_are_right; }
@test "3.13: arguments come first, then locals, cells, free variables"   { also 3.13 variables_are_right; }
@test "newest: arguments come first, then locals, cells, free variables" { each_python "$newest" variables_are_right; }
@test "32 bits: arguments come first, then locals, cells, free variables" { also i386 variables_are_right; }

objects_are_right() {
    requires format=report
    start_target locals "$1"
    run_pyflame 0 -d --locals "$pid"
    locals_of instances > seen
    grep -qxE "point = <__main__\.Point (x=3, y='four'|y='four', x=3)>" seen
    grep -qx 'words = <__main__.Words \[1\], extra=2>' seen
    grep -qx "wrong = Wrong('x', 1)" seen
    grep -qxE 'method = <bound method (Point\.)?method>' seen
    grep -qx 'builtin = <built-in function len>' seen
    grep -qx "kind = <class '__main__.Point'>" seen
    grep -qx "module = <module 'sys'>" seen
    grep -qx 'function = <function wait>' seen
    grep -qxE "one = \[<__main__\.Point (x=3, y='four'|y='four', x=3)>\]" seen
    grep -qx "me = {'me': {...}}" seen
}

@test "2.7: objects are told by class and attributes"    { each_python 2.7 objects_are_right; }
@test "3.8: objects are told by class and attributes"    { also 3.8 objects_are_right; }
@test "3.11: objects are told by class and attributes"   { each_python 3.11 objects_are_right; }
@test "3.12: objects are told by class and attributes"   { each_python 3.12 objects_are_right; }
@test "3.13: objects are told by class and attributes"   { also 3.13 objects_are_right; }
@test "newest: objects are told by class and attributes" { each_python "$newest" objects_are_right; }

@test "JSON has the kinds of variables, and the same values" {
    requires format=json
    find_python
    start_target locals "$python"
    run_pyflame 0 -d --locals -f json "$pid" > /dev/null
    "$python" - stdout <<'END'
import json, re, sys
frames = json.load(open(sys.argv[1]))['processes'][0]['threads'][0]['stacks'][0]['frames']
kinds = {re.sub(r'.*\.', '', f['function']): [(v['name'], v['kind']) for v in f['locals']] for f in frames}
assert kinds['outer'] == [('a', 'argument'), ('b', 'argument'), ('args', 'argument'), ('kwargs', 'argument'),
    ('shared', 'local'), ('cell', 'cell'), ('inner', 'cell')], kinds['outer']
assert kinds['inner'] == [('z', 'argument'), ('local', 'local'), ('a', 'free'), ('cell', 'free')], kinds['inner']
values = {v['name']: v['value'] for f in frames for v in f['locals']}
assert values['sent'] == '10' and values['password'] == '\u2026' and values['kwargs'] == "{'last': 5}", values
assert not any('locals_failed' in f for f in frames)
END
}

# --- secrets ------------------------------------------------------------------

secrets_are_hidden() {
    requires format=report
    start_target locals "$1"
    run_pyflame 0 -d --locals "$pid"
    lacks "$output" hidden
    locals_of secrets > seen
    equal "$(grep -c ' = …$' seen)" 7
    grep -qx 'key = 1' seen
    grep -qx 'keyboard = 2' seen
    grep -q "^headers = {.*'Host': 'seen'" seen
    grep -qE "^headers = \{.*'Authorization': …" seen
    grep -qE "'X-Api-Key': …" seen
    grep -qE "^pairs = \[\(b?'authorization', …\), \['set-cookie', …\], \(b?'host', b?'seen'\)\]$" seen
    grep -q "^grant = <__main__\.Grant ('seen', …)>$" seen
    grep -qE "^account = <__main__\.Account .*api_key=…" seen
}

@test "2.7: what is named as secrets are is not shown"    { each_python 2.7 secrets_are_hidden; }
@test "3.9: what is named as secrets are is not shown"    { also 3.9 secrets_are_hidden; }
@test "newest: what is named as secrets are is not shown" { each_python "$newest" secrets_are_hidden; }

@test "which names are those of secrets" {
    cat > names.c <<'END'
#include <stdint.h>
#include <stdio.h>
#include "util.h"
#include "values/secrets.h"
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (secrets_is_named(argv[i]))
			printf("%s ", argv[i]);
	return 0;
}
END
    compile_all names names.c
    equal "$(./names password Passwd DB_PASSWORD userPassword pass db_pass passphrase pwd secret client_secret \
        token access_token accessToken tokens api_key apiKey API-KEY ssh_keys secret.key private_key credentials \
        creds cookie Set-Cookie cookies Authorization Proxy-Authorization auth basic_auth session_id sessionid jwt)" \
        "password Passwd DB_PASSWORD userPassword pass db_pass passphrase pwd secret client_secret token \
access_token accessToken tokens api_key apiKey API-KEY ssh_keys secret.key private_key credentials creds cookie \
Set-Cookie cookies Authorization Proxy-Authorization auth basic_auth session_id sessionid jwt "
    equal "$(./names key keys monkey keyboard author passenger compass bypass user host spin salty x '' _ \
        authority session pinned)" ""
}

# --- what does not fit ---------------------------------------------------------

@test "--locals goes with -d or --why" {
    requires format=report
    run_pyflame 2 --locals 1
    matches "$stderr" '^pyflame: --locals goes with -d or --why;'
}

huge_is_bounded() {
    requires format=report
    start_target huge "$1"
    patience=30 run_pyflame 0 -d --locals "$pid" > /dev/null
    assert_unharmed "$pid"
    [ "$(wc -c < stdout)" -lt 100000 ]
    # no value has more than 80 characters, and no line a control
    lacks "$(locals_of values | sed 's/^[a-z]* = //' | grep -E '.{81}')" .
    lacks "$output" $'[\x01-\x09\x0b-\x1f\x7f]'
    locals_of values > seen
    grep -qx 'digits = <int of 332193 bits>' seen
    grep -qE '^million = \[0, 1, 2, 3, .*…$' seen
    grep -qE "^pairs = \{0: '0', 1: '1', .*…$" seen
    grep -qE '^sparse = (set\(\[|\{)0, 1, 2, .*…$' seen
    grep -qE '^none = set\((\[\])?\)$' seen
    grep -qE '^popped = \{.*\}?…?$' seen
    grep -qE "^raw = b?'x{77,78}…$" seen
    grep -qE "^text = u?'[^ ]{77,78}…$" seen
    grep -qx "round = \[\[\[...\], {'round': \[...\]}\]\]" seen
    grep -qE '^deep = \[{79}…$' seen
    grep -qE '^tuples = \({79}…$' seen
    grep -qE '^tree = <__main__.Tree (left=<__main__.Tree>, me=...|me=..., left=<__main__.Tree>)>$' seen
    grep -qE '^name = <__main__\.a\\x1b\[2J\\x0a' seen
    # of a frame with a thousand variables it is said that there are more
    equal "$(locals_of frame | tail -n 1)" '(locals: deep)'
    equal "$(locals_of frame | wc -l)" 201
}

@test "2.7: what is huge, deep or endless is cut"    { also 2.7 huge_is_bounded; }
@test "3.8: what is huge, deep or endless is cut"    { each_python 3.8 huge_is_bounded; }
@test "3.11: what is huge, deep or endless is cut"   { also 3.11 huge_is_bounded; }
@test "newest: what is huge, deep or endless is cut" { each_python "$newest" huge_is_bounded; }

# What is read of a thread that runs belongs together: each number is the same in all its frames.
all_agree() {
    local seen
    seen=$(sed -nE 's/^    (number|copy) = //p' stdout | sort -u | wc -l)
    [ "$seen" -le 1 ] || { cat stdout; return 1; }
    ! grep -q ':inner:' stdout || together=$((together + seen))
}

running_is_one_moment() {
    requires format=report
    local together=0
    start_target restless_values "$1"
    for ((i = 0; i < $(many 20 300); i++)); do
        timeout 20 "$pyflame" -d --locals "${@:2}" "$pid" > stdout
        # main() counts before it calls
        sed -i '/:main:/,$d' stdout
        all_agree
    done
    assert_unharmed "$pid"
    [ "$together" -gt 0 ] || [ $# -gt 1 ]
}

@test "2.7: variables of a thread that runs are of one moment"    { also 2.7 running_is_one_moment; }
@test "3.8: variables of a thread that runs are of one moment"    { also 3.8 running_is_one_moment; }
@test "3.11: variables of a thread that runs are of one moment"   { each_python 3.11 running_is_one_moment; }
@test "3.12: variables of a thread that runs are of one moment"   { also 3.12 running_is_one_moment; }
@test "3.9: so they are, or are left out, if it may not be stopped" { each_python 3.9 running_is_one_moment --no-pause; }
@test "newest: so they are, or are left out, if it may not be stopped" { also "$newest" running_is_one_moment --no-pause; }
@test "newest: variables of a thread that runs are of one moment" { each_python "$newest" running_is_one_moment; }

@test "an array of numpy is told by what it holds, and its shape" {
    requires format=report
    find_python
    "$python" -c 'import numpy' 2> /dev/null || skip "needs numpy"
    cat > arrays.py <<'END'
import numpy, sys, time
def f():
    a = numpy.zeros((3, 4))
    b = numpy.zeros(5, dtype='int32')
    c = numpy.array(1 + 2j)
    sys.stdout.write('ready\n')
    sys.stdout.flush()
    while True:
        time.sleep(1000)
f()
END
    start_command "$python" arrays.py
    run_pyflame 0 -d --locals "$pid"
    equal "$(locals_of f)" "a = <numpy.ndarray float64 (3, 4)>
b = <numpy.ndarray int32 (5,)>
c = <numpy.ndarray complex128 ()>"
}
