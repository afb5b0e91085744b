"""`python -m service` is the command `zhoubian`."""

from .commands import script

script()
