"""Checkers of the exercises of chapter 08."""

from __future__ import annotations
