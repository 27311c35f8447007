"""Checkers of the exercises of chapter 04."""

from __future__ import annotations
