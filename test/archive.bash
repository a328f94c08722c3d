# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# To be sourced: packages of Debian's archive, for any suite and architecture, unpacked
# into the cache. The system itself is never changed, and root is not needed.
#
# It sets $cache, and expects a function `say` that prints a line for the user.
#
# Environment:
#   PYFLAME_CACHE    cache folder, default $XDG_CACHE_HOME/pyflame, else
#                    ~/.cache/pyflame
#   PYFLAME_MIRROR   Debian mirror, default the one that apt is configured for
#   PYFLAME_KEYRING  keys of the archive, default that of debian-archive-keyring

umask 022
export LC_ALL=C
keyring=${PYFLAME_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
cache=${PYFLAME_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/pyflame}
cache=$(readlink -m "$cache")

# One line about something that can't be had.
miss() {
    say "$1: $2"
    return 1
}

# Debian's mirror as apt knows it: that of a plain suite, not of its security updates.
mirror() {
    if [ -n "${PYFLAME_MIRROR:-}" ]; then
        echo "${PYFLAME_MIRROR%/}"
        return
    fi
    # shellcheck disable=SC2016 # apt fills these in
    apt-get indextargets --format '$(IDENTIFIER) $(COMPONENT) $(RELEASE) $(REPO_URI)' 2> /dev/null \
        | awk '$1 == "Packages" && $2 == "main" && !found &&
               $3 ~ /^((old)*stable|testing|unstable|sid|bullseye|bookworm|trixie|forky)$/ \
               { sub("/$", "", $4); print $4; found = 1 } END { exit !found }'
}

# Writes the configuration of a private apt for architecture $2 into folder $1 that
# knows the index $4 ("Packages" or "Sources") of the suites $5...; $3 is "deb" or
# "deb-src". Proxy and credentials still come from the system's configuration.
configure_apt() {
    local dir=$1 arch=$2 type=$3 target=$4 uri suite
    shift 4
    uri=$(mirror) || return
    mkdir -p "$dir"/{state/lists/partial,cache/archives/partial,parts} || return
    : > "$dir/state/status"
    for suite; do
        echo "$type [arch=$arch target=$target signed-by=$keyring] $uri $suite main"
    done > "$dir/sources.list"
    # A mirror that lags behind is still signed, and new enough for tests.
    cat > "$dir/apt.conf" << EOF
Acquire::Check-Valid-Until "false";
#clear APT::Update;
#clear DPkg;
#clear APT::Architectures;
APT::Architecture "$arch";
APT::Architectures { "$arch"; };
APT::Default-Release "";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "$dir/state";
Dir::State::status "$dir/state/status";
Dir::Cache "$dir/cache";
Dir::Cache::archives "archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "$dir/parts";
Dir::Etc::preferences "$dir/preferences";
Dir::Etc::preferencesparts "$dir/parts";
Dir::Log "$dir";
EOF
}

# apt-get of folder $1. What it says goes to the folder's log.
private_apt() {
    local dir=$1
    shift
    nice apt-get -c "$dir/apt.conf" -qq "$@" < /dev/null > "$dir/log" 2>&1
}

# Why the last call failed.
apt_reason() {
    sed -n 's/^E: *//p' "$1/log" | head -n 1 | grep . || echo "apt-get failed, see $1/log"
}

# Brings the private apt of folder $1 up to date, once in a run. If it fails, the
# caller's variable "reason" says why. The arguments are those of configure_apt.
declare -A updated=()
update_apt() {
    local dir=$1
    [ -n "${updated[$dir]:-}" ] && return
    if ! command -v apt-get dpkg-deb > /dev/null; then
        reason="needs apt and dpkg"
    elif [ ! -r "$keyring" ]; then
        reason="$keyring is not there (package debian-archive-keyring)"
    elif ! configure_apt "$@"; then
        reason="apt has no Debian mirror configured (PYFLAME_MIRROR can name one)"
    elif ! private_apt "$dir" update; then
        reason=$(apt_reason "$dir")
    else
        updated[$dir]=yes
        return
    fi
    return 1
}

# Unpacks the packages in folder $1 into folder $2.
unpack() {
    local file
    mkdir -p "$2" || return
    for file in "$1"/*.deb; do
        nice dpkg-deb -x "$file" "$2" || return
    done
}

# fetch_packages APT ROOT PACKAGE...: unpacks packages and all that they depend on
# into folder ROOT with the private apt of folder APT. If it fails, the caller's
# variable "reason" says why.
fetch_packages() {
    local apt=$1 root=$2
    shift 2
    rm -f "$apt"/cache/archives/*.deb
    if ! private_apt "$apt" install --download-only -y "$@"; then
        reason=$(apt_reason "$apt")
    elif ! unpack "$apt/cache/archives" "$root"; then
        reason="can't be unpacked"
    else
        rm -f "$apt"/cache/archives/*.deb
        return
    fi
    return 1
}

# The folders of the libraries below $1, relative to it.
library_dirs() {
    (cd "$1" && find . -name 'lib*.so*' -printf '%h\n') | sed 's,^\./,,' \
        | grep -E '^(usr/)?lib/[^/]*-linux-[^/]*$' | sort -u
}

# Links to the libraries below $1 that the system has none of, in folder $1/missing.
link_missing_libraries() {
    local dir file known
    known=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p | awk '{ print $1 }')
    mkdir "$1/missing" || return
    library_dirs "$1" | while read -r dir; do
        for file in "$1/$dir"/lib*.so*; do
            grep -qxF -- "${file##*/}" <<< "$known" || ln -sf "../$dir/${file##*/}" "$1/missing/"
        done
    done
}

# Keeps other runs out that do the same, $1, in folder $2. What this one starts holds
# the lock too, so that nothing is replaced under it should this run be killed.
lock() {
    if ! mkdir -p "$2" 2> /dev/null || ! exec 9> "$2/.lock-$1"; then
        say "$2 can't be written to"
        return 1
    fi
    flock -n 9 || { say "waiting for another run"; flock 9; }
}
