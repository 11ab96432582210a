"""Sites without daemons, and a lab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.site import Site, running

HOSTS = ("ctl", "cmp1", "cmp2")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running(tmp_path, HOSTS) as found:
        yield found
