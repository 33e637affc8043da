# A fake one, for development.
saltern:
  gerrit:
    password: not-a-secret-gerrit
