// A page on disk may not fetch another: the search then lists its hits without an excerpt, instead of failing on each.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
