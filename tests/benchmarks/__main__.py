"""`python -m tests.benchmarks`: what `make bench` runs."""

import sys

from tests.benchmarks.bench import main

sys.exit(main())
