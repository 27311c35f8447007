"""Recognise the names of reconstruction kernels, so that no free text is copied out of a header (paper, section 2.1).

Each maker has a scheme of its own, and nothing in DICOM limits the field: a site can write anything into it. So only
names that makers are known to use are kept, and of the short ones only those that are no family name. They were
collected from public lists of kernels of real series; an unknown name is lost, a person's name is not kept.
"""

from __future__ import annotations

import re

KERNEL = re.compile(
    r"""
    # Siemens: B70s, B31f, Br40d, Qr40, U75u
    [A-Z][a-z]?\d\d[a-z]?
    # Toshiba and Canon: FC51, FC18-H, FL04
    | F[CL]\d\d(-H)?
    # Philips: C, L, YA, XCB, Y-Sharp, IMR1,Routine
    | [A-FL] | [YEU][ABC] | YD | XC[A-D] | Y-(Sharp|Detail) | Lung\ Enhanced
    | IMR\d(,(Routine|Soft\ Tissue|Brain\ Routi|SharpPlus))?
    # GE: STANDARD, STD+, BONEPLUS2, HD Lung, BODY FILTER/BONE
    | (?i:(HD\ )?(STANDARD|STND|STD|SOFT|DETAIL|LUNG|CHEST|CHST|BONE(PLUS)?|EDGE|ULTRA)(HD)?[2+\#]?)
    | (?i:BODY\ FILTER\ ?/\ ?(STANDARD|BONE|EXPERIMENTAL)) | EXPERIMENTAL\d? | Veo
    # United Imaging and others: B_SOFT_B, H_VSHARP_C, LUNG_B, HR_CHEST
    | ([BCHK]_)?V?(SOFT|SHARP)_[A-D] | ([BH]_)?LUNG_[A-D] | HR_(CHEST|LUNG|BONE) | BODY_SHARP | BRAIN_(CTA|LCD)
    """,
    re.ASCII | re.VERBOSE,
)
"""The whole text must match. Left out although makers use them: two letters that are a family name, such as YE."""
