# How the minion that owns the git mirror keeps it (MirrorSettings in src/saltern/settings.py). It
# serves to all what its account may read, so that one is in no group.
{% import_yaml 'site.yaml' as site %}
saltern:
  mirror:
    root: /srv/git
    source_url: {{ ('https://' ~ site.services.gerrit ~ '/a') | json }}
    username: mirror
    public_url: {{ ('https://' ~ site.services.git) | json }}
