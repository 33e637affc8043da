# How the minion that owns Gerrit reaches it (GerritSettings in src/saltern/settings.py).
{% import_yaml 'site.yaml' as site %}
saltern:
  service_group: Administrators
  gerrit:
    url: https://{{ site.services.gerrit }}
    username: saltern
    ca_file: /etc/ssl/certs/ca-certificates.crt   # the site's CA is in it, not in Python's own
