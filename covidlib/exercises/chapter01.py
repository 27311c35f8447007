"""Checkers of the exercises of chapter 01."""

from __future__ import annotations
