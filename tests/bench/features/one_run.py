"""Run one command and write what it used: python -I -S one_run.py RESULT.json COMMAND...

A small process of its own, because Linux starts a child's peak memory at its parent's: the bench itself is large.
CPU is user and system time of the command and of all children that it waited for; peak memory is the largest process.
"""

import json
import os
import sys
import time

result, command = sys.argv[1], sys.argv[2:]
start = time.perf_counter()
child = os.fork()
if child == 0:
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        os._exit(127)
_, status, used = os.wait4(child, 0)
wall = time.perf_counter() - start
with open(result, "w") as file:
    json.dump({
        "wall_s": wall, "cpu_s": used.ru_utime + used.ru_stime, "system_s": used.ru_stime,
        "peak_mib": used.ru_maxrss / 1024, "code": os.waitstatus_to_exitcode(status),
    }, file)  # fmt: skip
