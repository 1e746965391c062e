"""The memory of the machine (node) that this process stands on."""

from __future__ import annotations

import os


def there() -> int:
    """Bytes of memory."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
