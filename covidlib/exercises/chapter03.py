"""Checkers of the exercises of chapter 03."""

from __future__ import annotations
