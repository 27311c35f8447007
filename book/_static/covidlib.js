// A page on disk may not fetch another: the search then lists its hits without an excerpt, instead of failing on each.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// Sentences that a cell prints wrap. A table that a cell prints (lines of three columns) keeps its lines, and scrolls.
document.addEventListener("DOMContentLoaded", () => {
  for (const text of document.querySelectorAll(".cell_output .output pre"))
    text.classList.toggle("columns", /^.*\S {2,}\S.* {2,}\S/m.test(text.textContent));
});
