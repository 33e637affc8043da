# A fake one, for development.
saltern:
  mirror:
    password: not-a-secret-mirror
