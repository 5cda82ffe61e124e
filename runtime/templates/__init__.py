"""Task templates: the model, how it is read from YAML, and what is wrong with a bad one."""
