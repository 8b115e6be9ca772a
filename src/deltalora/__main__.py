"""`python -m deltalora` is `deltalora`."""

import sys

from deltalora.cli import main

sys.exit(main())
