{% for script in ['dump', 'load'] %}
postgresql-{{ script }}:
  file.managed:
    - name: /usr/local/lib/saltern/postgresql-{{ script }}
    - source: salt://postgresql/files/postgresql-{{ script }}
    - makedirs: True
    - mode: '0755'
{% endfor %}

postgresql-backup:
  file.managed:
    - name: /etc/saltern/backup.d/postgresql
    - source: salt://postgresql/files/backup
    - makedirs: True
    - mode: '0644'
