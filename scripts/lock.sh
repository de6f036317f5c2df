#!/bin/sh
# Pins everything that requirements.txt and requirements-dev.txt need in turn: requirements.lock.
# Usage: scripts/lock.sh PYTHON [--upgrade]     (PYTHON: one with pip-tools, see `make lock`)
set -eu
cd "$(dirname "$0")/.."
mkdir -p var
python=$1
shift
grep -hv '^-[cr] ' requirements.txt requirements-dev.txt > var/direct.in
{
    echo "# Everything that requirements.txt and requirements-dev.txt bring in, pinned. Written by \`make lock\`."
    echo
} > var/requirements.lock
cp requirements.lock var/compiled.lock 2> /dev/null || true
"$python" -m piptools compile --quiet --no-header --strip-extras --allow-unsafe \
    --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
    --output-file var/compiled.lock "$@" var/direct.in
sed -e '/^--/d' -e 's|-r var/direct.in|ours|' var/compiled.lock >> var/requirements.lock
mv var/requirements.lock requirements.lock
rm var/direct.in var/compiled.lock
