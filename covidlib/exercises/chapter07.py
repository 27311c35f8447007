"""Checkers of the exercises of chapter 07."""

from __future__ import annotations
