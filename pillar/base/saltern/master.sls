# How the master reads the registry and reviews its changes (src/saltern/settings.py). Where the
# providers run and where notes link to comes from site.yaml.
{% import_yaml 'site.yaml' as site %}
saltern:
  registry:
    url: {{ ('https://' ~ site.services.gerrit ~ '/infra/project-config') | json }}
    project: infra/project-config
    branch: master
  review:
    label: Verified
