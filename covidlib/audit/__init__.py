"""The paper's printed numbers, each recomputed from what it follows from (Tables 1–9 and the text).

Read the modules from `numbers` (exact arithmetic) over `cells` (the tables as printed) and `checks` (one check) to
`counts`, `rates`, `lists`, `parameters` and `text` with `ties` and `statements` (all checks); `collect` runs them,
`page` shows them. Taught in chapter 08.
"""
