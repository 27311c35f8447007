"""Typical wrong answers to the exercises of chapter 07."""

from __future__ import annotations

WRONG: dict[str, list[tuple[object, str]]] = {}
