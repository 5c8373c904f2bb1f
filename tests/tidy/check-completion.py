# SPDX-License-Identifier: Apache-2.0
"""What bash completes, for the programs as they are built.

    check-completion.py FILE PROGRAMS' DIRECTORY
"""
import os
import subprocess
import sys

ASKED = {
    ("mars-scheduler", "--max-se"): {"--max-sessions"},
    ("mars-worker", "--spill-d"): {"--spill-dirs"},
    ("mars-web", "--ui"): {"--ui-port"},
    ("marsctl", "dr"): {"drain"},
    ("marsctl", "--js"): {"--json"},
    ("marsctl", ""): {"status", "workers", "sessions", "tasks", "why", "top", "cancel", "drain", "undrain", "retire",
                      "hugepages", "keygen", "token"},
}
SCRIPT = """
source /usr/share/bash-completion/bash_completion
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=$((${#COMP_LINE}))
$(complete -p "$1" | sed 's/.*-F \\([^ ]*\\).*/\\1/') "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""

failed = 0
for words, wanted in ASKED.items():
    done = subprocess.run(["bash", "-c", SCRIPT, "bash", sys.argv[1], *words], capture_output=True, text=True,
                          env=dict(os.environ, PATH=f"{sys.argv[2]}:{os.environ['PATH']}"))
    said = {word.rstrip("=") for word in done.stdout.split()}
    if not wanted <= said or (words[-1] and not all(word.startswith(words[-1]) for word in said)):
        print(f"{' '.join(words)}: {sorted(said)}, wanted {sorted(wanted)} {done.stderr}")
        failed += 1
sys.exit(failed)
