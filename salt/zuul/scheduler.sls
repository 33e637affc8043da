{% from tpldir ~ '/map.jinja' import zuul with context %}
{% from tpldir ~ '/service.jinja' import daemon with context %}

include:
  - zuul
  - zuul.backup

zuul-tenants:
  file.managed:
    - name: /etc/zuul/main.yaml
    - source: salt://zuul/files/main.yaml
    - template: jinja
    - context:
        tenants: {{ zuul.tenants | json }}
    - mode: '0644'
    - require:
      - file: zuul-etc

zuul-tenants-loader:
  file.managed:
    - name: /usr/local/lib/saltern/zuul-tenants
    - source: salt://zuul/files/zuul-tenants
    - makedirs: True
    - mode: '0755'

{{ daemon('scheduler') }}
    - require:
      - file: zuul-tenants
      - file: zuul-gerrit-key

zuul-tenants-loaded:
  cmd.run:
    - name: /usr/local/lib/saltern/zuul-tenants load
    - unless: /usr/local/lib/saltern/zuul-tenants check
    - require:
      - file: zuul-tenants-loader
      - cmd: zuul-scheduler-ready
