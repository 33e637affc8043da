# The roles of this minion, by its id: a grain would let a host choose its own.
{% import_yaml 'site.yaml' as site %}
{% if opts.id not in site.hosts %}
{% do raise('site.yaml names no host ' ~ opts.id ~ ': add it under hosts, with its roles') %}
{% endif %}
roles: {{ site.hosts[opts.id].roles | json }}
