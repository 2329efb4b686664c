#!/usr/bin/env bash
# Builds with the release flags and measures every goal beside nginx, nginx+Lua, HAProxy, Node and a raw epoll server.
#   bench/run.sh             in less than 15 minutes: prints one table
#   bench/run.sh --quick     in two minutes, one round each
#   bench/run.sh --keep      also writes bench/results/ and the table in bench/README.md
#   bench/run.sh --only static,commands
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ -x /usr/bin/python3 ] || { echo "bench: python3 is missing. On Debian: apt-get install python3" >&2; exit 1; }
cmake --preset bench >/dev/null
cmake --build build/bench >/dev/null
exec /usr/bin/python3 -B bench/compare/run.py "$@"
