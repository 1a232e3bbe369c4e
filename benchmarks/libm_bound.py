"""How large an error of NumPy's float64 functions can be found, against what the oracle assumes.

    python benchmarks/libm_bound.py [evaluations of each function]

Half a million take about a minute for all functions. The search begins at the worst inputs that are
known of glibc (the table of Zimmermann's check_sample program), and must stay far below the bound
that `formula/primitives.py` declares.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from trysquare.audit.assumptions import OPS, search
from trysquare.formula.tree import Op
from trysquare.workers.probes import cpu_capability

SEEDS = {
    Op.EXP: ("-0x1.571eb1496dab3p+9",),
    Op.LOG: ("0x1.1211bef8f68e9p+0",),
    Op.ERF: ("0x1.c332bde7ca515p-5",),
    Op.ERFC: ("0x1.3ff86013cf2bap+0",),
}


def main() -> int:
    """Search, print a table, and fail where there is too little room."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(f"numpy {np.__version__}, {cpu_capability()}, {count} evaluations of each function")
    sound = True
    for op in OPS:
        start = time.perf_counter()
        seeds = [float.fromhex(text) for text in SEEDS.get(op, ())]
        found = search(op, count, np.random.default_rng(1), seeds)
        seconds = time.perf_counter() - start
        print(
            f"{op:6}  {found.ulp:7.4f} ULP at {found.x.hex():24}  assumed {found.assumed:4}: "
            f"{found.assumed / found.ulp:4.1f} times as much  ({seconds:.1f} s)"
        )
        sound &= found.sound
    return int(not sound)


if __name__ == "__main__":
    sys.exit(main())
