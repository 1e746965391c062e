"""What "auto" stands for: a function of the config alone, so that any machine and any number of ranks take the same."""

from __future__ import annotations

from typing import Any, Literal

MOST_OWN = 10**7
"""Members of all replicas up to which phases of their own are kept member by member (44 bytes each)."""


def representation(config: Any) -> tuple[Literal["members", "occupation"], str]:
    """ "members" where a checked config asks who is who, else "occupation"; and why, in a few words."""
    p, replicas = config.preparation, config.dynamics.replicas
    if config.alignment is not None:
        return "members", "[alignment] is about each member's momentum"
    if p.phases is not None:
        return "members", "phases are given member by member"
    if p.phase_spread > 0:
        if isinstance(p.members, (int, float)) and p.members * replicas <= MOST_OWN:
            return "members", "members have phases of their own"
        return "occupation", f"more than {MOST_OWN:,} members with phases of their own: {p.phase_kinds} phases a beable"
    return "occupation", "nothing asks who is who"
