"""``python -m vpsbg_async.cli``, for where the ``vpsbg`` command is not on the path."""

import sys

from . import main

sys.exit(main())
