"""General helpers, not specific to CT: files, folders, locks, downloads, unpacking, and facts about the machine."""
