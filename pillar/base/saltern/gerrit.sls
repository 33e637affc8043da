# How the minion that owns Gerrit reaches it (GerritSettings in src/saltern/settings.py).
saltern:
  service_group: Administrators
  gerrit:
    url: https://review.example.org
    username: saltern
