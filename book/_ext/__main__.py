"""The book's tools on the command line: `python book/_ext notebooks|chapters|pdf|address|real-slices …`.

Python puts a folder that it runs on its path, so the tools are found without being installed.
"""

from __future__ import annotations

import sys

from booktools import address, chapters, notebooks, print_pdf, real_slices

TOOLS = {
    "notebooks": notebooks.main,
    "chapters": chapters.main,
    "pdf": print_pdf.main,
    "address": address.main,
    "real-slices": real_slices.main,
}


def main(argv: list[str]) -> int:
    """Run one tool; returns its exit code, 2 if there is no such tool."""
    if not argv or argv[0] not in TOOLS:
        print(f"usage: python book/_ext {'|'.join(TOOLS)} …", file=sys.stderr)
        return 2
    return TOOLS[argv[0]](argv[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
