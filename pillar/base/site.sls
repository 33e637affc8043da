# What every host may know of the site: nothing in it is secret.
{% import_yaml 'site.yaml' as site %}
site: {{ site | json }}
