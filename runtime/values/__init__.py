"""What ``{{ }}`` sees, and how it is rendered."""
