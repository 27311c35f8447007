"""Typical wrong answers to the exercises, each with words of the hint that it must get. One module a chapter.

`WRONG` maps an exercise to pairs of an answer and words of its hint; an exercise has two such pairs at least.
"""
