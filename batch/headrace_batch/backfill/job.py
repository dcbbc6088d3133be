"""What `spark-submit` runs, with the arguments of `headrace-batch backfill`: on EMR, EMR Serverless or elsewhere.

The packages come as `--py-files`, or in the cluster's Python; the driver needs what the command needs.
"""

import sys

from headrace_batch.cli import execute

if __name__ == "__main__":
    sys.exit(execute(["backfill", *sys.argv[1:]]))
