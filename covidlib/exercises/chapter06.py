"""Checkers of the exercises of chapter 06."""

from __future__ import annotations
