"""Checkers of the exercises of chapter 05."""

from __future__ import annotations
