# How the minion that owns the git mirror keeps it (MirrorSettings in src/saltern/settings.py).
saltern:
  mirror:
    root: /srv/git
    source_url: https://review.example.org
    username: saltern
    public_url: https://git.example.org
