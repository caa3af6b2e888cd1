#!/usr/bin/env bash
# Runs a test command, and says at the end again what failed: of a thousand tests' output only the last
# lines are on the screen, or in what a CI service shows. Exits as the command does.
#
#     scripts/run_tests.sh swift test -c release --skip-build --no-parallel
set -euo pipefail

LOG=$(mktemp)
trap 'rm -f "$LOG"' EXIT

STATUS=0
"$@" 2>&1 | tee "$LOG" || STATUS=${PIPESTATUS[0]}
if [[ $STATUS == 0 ]]; then
    exit 0
fi

# `↳` lines say more of the issue above them; one of a whole file's text would hide the others.
FAILED=$(grep -aE '^(✘.* recorded an issue|↳|.*: error: )|^.*(Fatal error|exited with unexpected signal)' "$LOG" |
    cut -c1-1000 | head -n 60 || true)
{
    echo
    echo "run_tests: exit status $STATUS; of the output above, what failed:"
    printf '%s\n' "${FAILED:-"(no test said so: the last lines above say how it ended)"}"
} >&2
exit "$STATUS"
