{% from tpldir ~ '/map.jinja' import postgresql with context %}

include:
  - postgresql

postgresql-apply:
  file.managed:
    - name: /usr/local/lib/saltern/postgresql-apply
    - source: salt://postgresql/files/postgresql-apply
    - makedirs: True
    - mode: '0755'

postgresql-roles:
  file.directory:
    - name: /etc/saltern/postgresql
    - group: postgres
    - mode: '0750'
    - makedirs: True
    - require:
      - pkg: postgresql-package

{% for name in postgresql.databases %}
postgresql-role-{{ name }}:
  file.managed:
    - name: /etc/saltern/postgresql/{{ name }}.sql
    - source: salt://postgresql/files/role.sql
    - template: jinja
    - context:
        name: {{ name }}
        password: {{ postgresql.databases[name].password | json }}
    - group: postgres
    - mode: '0640'
    - show_changes: False
    - require:
      - file: postgresql-roles

postgresql-login-{{ name }}:
  file.managed:
    - name: /etc/saltern/postgresql/{{ name }}.pgpass
    - source: salt://postgresql/files/pgpass
    - template: jinja
    - context:
        name: {{ name }}
        password: {{ postgresql.databases[name].password | json }}
    - mode: '0600'
    - show_changes: False
    - require:
      - file: postgresql-roles

postgresql-database-{{ name }}:
  cmd.run:
    - name: /usr/local/lib/saltern/postgresql-apply {{ name }}
    - unless: /usr/local/lib/saltern/postgresql-apply --check {{ name }}
    - require:
      - file: postgresql-apply
      - file: postgresql-role-{{ name }}
      - file: postgresql-login-{{ name }}
      - service: postgresql
      - cmd: postgresql-reload
{% endfor %}
