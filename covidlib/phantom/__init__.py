"""A synthetic chest, drawn slice by slice in millimetres for teaching (no paper section)."""
