#!/bin/sh
# Starts the plugin under whose name this file is linked (pulumi-resource-NAME,
# pulumi-language-python). The engine finds plugins by name on PATH and cannot say which Python has
# the project's packages: HEARTH_PYTHON says it, else it is the project's own environment, else
# whatever python3 is first on PATH.
here=$(readlink -f -- "$0")
plugins=${here%/*}
python=${HEARTH_PYTHON:-$plugins/../../.venv/bin/python}
[ -x "$python" ] || python=python3
exec "$python" -P "$plugins/launch.py" "${0##*/}" "$@"
