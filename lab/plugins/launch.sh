#!/bin/sh
# Starts the plugin as which this file is linked in bin/ (pulumi-resource-NAME, pulumi-language-python).
# The engine finds plugins by name on PATH and cannot say which Python has the project's packages:
# HEARTH_PYTHON says it, else the project's own environment, else whatever python3 is first on PATH.
plugins=${0%/*}/..
python=${HEARTH_PYTHON:-$plugins/../../.venv/bin/python}
[ -x "$python" ] || python=python3
exec "$python" -P "$plugins/launch.py" "${0##*/}" "$@"
