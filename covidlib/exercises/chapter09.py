"""Checkers of the exercises of chapter 09."""

from __future__ import annotations
