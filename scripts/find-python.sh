#!/bin/sh
# Prints the first Python of 3.11 or later that can make virtual environments; fails with what to install.
# PYTHON=… in the environment names one.
set -u
too_old=""
no_venv=""
for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
    path=$(command -v "$name" 2> /dev/null) || continue
    if ! "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
        too_old="$too_old $name ($("$path" --version 2>&1))"
    elif ! "$path" -c 'import venv, ensurepip' 2> /dev/null; then
        no_venv="$no_venv $name"
    else
        echo "$path"
        exit 0
    fi
done
if [ -n "$no_venv" ]; then
    echo "Python is there ($no_venv ), but not its venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2
else
    echo "OMS needs Python 3.11 or later; found:${too_old:- none}." >&2
    echo "On Debian and Ubuntu: apt-get install python3 python3-venv. On macOS: brew install python@3.13." >&2
    echo "One that is installed elsewhere: make setup PYTHON=/path/to/python3" >&2
fi
exit 1
