"""Files, folders, locks, downloads, processes, and the machine: what is not about CT at all."""
