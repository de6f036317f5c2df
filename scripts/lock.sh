#!/bin/sh
# Pins everything that the requirements bring in, with the hashes of its files. Usage: scripts/lock.sh UV [--upgrade]
#
# Writes for each requirements*.txt a requirements*.lock, which `pip install --require-hashes` takes, and constraints.txt:
# the same versions without hashes, for `pip install -r requirements.txt`. The versions hold for Python 3.11 and later
# on every platform. Nothing that is written names a package index or a folder.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
uv=$(command -v "$1") && uv=$(cd "$(dirname "$uv")" && pwd)/$(basename "$uv")
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for file in requirements*.txt; do
    sed '/^-c /d' "$file" > "$work/$file" # the old constraints would hold everything where it is
done
cp requirements*.lock "$work"
cd "$work"

pin() { # input, output, options
    input=$1 output=$2
    shift 2
    "$uv" pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
        --no-emit-find-links --output-file "$output" "$@" "$input"
    { printf '# What %s brings in, pinned, with hashes. Written by `make lock`.\n\n' "$input"; sed '/^    #   -c /d' "$output"; } > "$root/$output"
}

# The largest set first; the others take its versions.
pin requirements-dev.txt requirements-dev.lock "$@"
for file in requirements*.txt; do
    [ "$file" = requirements-dev.txt ] || pin "$file" "${file%.txt}.lock" --constraints requirements-dev.lock "$@"
done
{
    printf '# The versions of all requirements*.lock, without hashes. Written by `make lock`.\n\n'
    sed -n 's/^\([A-Za-z0-9].*==[^ ]*\)\( ;.*[^ \\]\)\{0,1\} *\\$/\1\2/p' requirements*.lock | LC_ALL=C sort -u
} > "$root/constraints.txt"
