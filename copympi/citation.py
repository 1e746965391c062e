"""How copympi is to be cited, and the paper whose theory it simulates: as CITATION.cff has it, in BibTeX."""

from __future__ import annotations

from copympi import __version__

ENTRIES = """\
@software{{copympi,
  author  = {{{{The copympi developers}}}},
  title   = {{{{copympi: copy dynamics, Smolin's real-ensemble theory of quantum mechanics, on many cores}}}},
  version = {{{version}}},
}}

@article{{Smolin2012,
  author  = {{Smolin, Lee}},
  title   = {{A Real Ensemble Interpretation of Quantum Mechanics}},
  journal = {{Foundations of Physics}},
  volume  = {{42}},
  pages   = {{1239}},
  year    = {{2012}},
  doi     = {{10.1007/s10701-012-9661-1}},
}}
"""


class Citation(str):
    """Text that a Python prompt and a notebook show as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def cite() -> Citation:
    """BibTeX of copympi in this version, and of the paper whose theory it simulates."""
    return Citation(ENTRIES.format(version=__version__))
