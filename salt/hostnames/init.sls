{% from tpldir ~ '/map.jinja' import hostnames with context %}
{% import_yaml 'site.schema.yaml' as schema %}
{% do salt['component.config']('site', {}, schema) %}
{% import_yaml 'roles.yaml' as table %}
{% for role in pillar.get('roles', []) if role not in table %}
{% do raise('roles.yaml has no role ' ~ role ~ ': mend site.yaml') %}
{% endfor %}
{% set short = grains.id.split('.') | first %}

hostname-file:
  file.managed:
    - name: /etc/hostname
    - contents: {{ short }}
    - mode: '0644'

hostname:
  cmd.run:
    - name: hostname --file /etc/hostname
    - unless: test "$(hostname)" = {{ short }}
    - require:
      - file: hostname-file

{% if hostnames.write_hosts %}
hosts:
  file.managed:
    - name: /etc/hosts
    - source: salt://hostnames/files/hosts
    - template: jinja
    - context: {config: {{ hostnames | json }}}
    - mode: '0644'
{% endif %}
