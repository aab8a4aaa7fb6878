"""Ranks that fail in each call, in each way: the job ends, and says who and where. By hand:

python -m tests.distributed.faults [REPETITIONS] [RANKS]
"""

import itertools
import sys
import time

from tests.distributed.launch import run

CALLS = ("all_reduce", "broadcast", "reduce", "all_gather", "gather", "scatter", "reduce_scatter",
         "all_to_all", "recv", "barrier", "all_gather_object", "backward")  # fmt: skip
HOWS = ("raise", "exit", "vanish", "kill", "stuck")


def wrong(how, call, ranks, status, err):
    """What is wrong with the end of a job; "" if nothing is."""
    if status == -1:
        return "it hangs"
    if status == 0:
        return "its exit status is 0"
    if how == "raise" and ("this rank has failed" not in err or f"[rank {ranks - 1}" not in err):
        return "no traceback of the rank"
    if how in ("exit", "stuck"):
        name = "DistributedDataParallel" if call == "backward" else call
        later = f"barrier: rank 0 of {ranks}"  # where what was sent before was enough
        if f"{name}: rank" not in err and later not in err:
            return "the message does not name rank and call"
        what = "has left" if how == "exit" else "does not answer"
        if f"rank {ranks - 1} {what}" not in err:
            return "the message does not name the rank that failed"
    return ""


def main():
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else len(CALLS) * len(HOWS)
    ranks = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    pairs = itertools.islice(itertools.cycle(itertools.product(CALLS, HOWS)), repetitions)
    bad, longest, count = 0, 0.0, 0
    for call, how in pairs:
        began = time.monotonic()
        status, _, err = run(ranks, "faults.py", how, call, seconds=60)
        taken = time.monotonic() - began
        longest, count = max(longest, taken), count + 1
        found = wrong(how, call, ranks, status, err)
        bad += bool(found)
        print(f"{how:7} {call:18} {status:4} {taken:5.1f} s  {found}", flush=True)
        if found:
            print(err[-2000:], flush=True)
    print(f"{count} runs of {ranks} ranks, {bad} wrong, the longest took {longest:.1f} s")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
