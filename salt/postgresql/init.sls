{% from tpldir ~ '/map.jinja' import postgresql with context %}
{% set etc = '/etc/postgresql/' ~ postgresql.version ~ '/main' %}
{% set clients = {} %}
{% for name, database in postgresql.databases | dictsort %}
{% do clients.update({name: database.clients}) %}
{% endfor %}

include:
  - tls
  - postgresql.databases
  - postgresql.backup

postgresql-package:
  pkg.installed:
    - name: postgresql-{{ postgresql.version }}

postgresql-reads-tls-key:
  group.present:
    - name: ssl-cert
    - system: True
    - addusers: [postgres]
    # Debian's package does it where the group is there first: nothing to announce before.
    - onlyif: getent passwd postgres
    - require:
      - pkg: postgresql-package
      - sls: tls

postgresql-config:
  file.managed:
    - name: {{ etc }}/conf.d/saltern.conf
    - source: salt://postgresql/files/saltern.conf
    - template: jinja
    - context:
        max_connections: {{ postgresql.max_connections }}
        shared_buffers: {{ postgresql.shared_buffers }}
    - makedirs: True
    - mode: '0644'
    - require:
      - pkg: postgresql-package

postgresql-access:
  file.managed:
    - name: {{ etc }}/pg_hba.conf
    - source: salt://postgresql/files/pg_hba.conf
    - template: jinja
    - context:
        clients: {{ clients | json }}
    - user: postgres
    - group: postgres
    - mode: '0640'
    - require:
      - pkg: postgresql-package

postgresql:
  service.running:
    - name: postgresql@{{ postgresql.version }}-main
    - enable: True
    - watch:
      - group: postgresql-reads-tls-key
      - file: postgresql-config

postgresql-reload:
  cmd.run:
    - name: systemctl reload postgresql@{{ postgresql.version }}-main
    - require:
      - service: postgresql
    - onchanges:
      - file: postgresql-access
      - pki: host-certificate
