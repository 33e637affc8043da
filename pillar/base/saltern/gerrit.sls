# How the minion that owns Gerrit reaches it (GerritSettings in src/saltern/settings.py).
{% import_yaml 'site.yaml' as site %}
saltern:
  service_group: Administrators
  gerrit:
    url: https://{{ site.services.gerrit }}
    username: saltern
