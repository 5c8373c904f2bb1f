# SPDX-License-Identifier: Apache-2.0
"""A client of a cluster that fails: computes programs one after the other and compares their bits with those of
threads. What happens goes to standard output, a JSON object a line; it ends when its standard input does.

    client.py ADDRESS KEY SEED FORGIVEN < /dev/tty        FORGIVEN: a pattern; errors that match are asked again
"""
import json
import random
import re
import sys
import threading
import time

from mars.session import new_session
from programs import N, digest, program

RETRY_SECONDS = 0.2


def say(**words):
    print(json.dumps(words), flush=True)


def main(address, key, seed, forgiven):
    generator = random.Random(int(seed))
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    with new_session(n_threads=1, cache_mem="128m") as here:
        wanted = [digest(here.run(*program(k))) for k in range(N)]
    say(ready=True)
    session = None
    while not over.is_set():
        k, began = generator.randrange(N), time.monotonic()
        say(begin=k)
        while True:
            try:
                session = session or new_session(address, key_file=key)
                got = digest(session.run(*program(k)))
                break
            except Exception as error:  # whatever it is: the rig judges it
                words = f"{type(error).__name__}: {error}"
                say(error=words, forgiven=bool(re.search(forgiven, words)), program=k)
                if re.search("scheduler|new session|closed", words) and session is not None:
                    session.close()
                    session = None
                if over.wait(RETRY_SECONDS):
                    break
        if over.is_set():
            break
        say(done=k, seconds=round(time.monotonic() - began, 3), same=got == wanted[k])
    if session is not None:
        session.close()
    say(end=True)


main(*sys.argv[1:])
